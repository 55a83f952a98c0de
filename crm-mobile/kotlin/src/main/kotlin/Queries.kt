package org.crmcore

import java.time.Instant
import org.crmcore.model.Archived
import org.crmcore.model.FieldOrder
import org.crmcore.model.GroupKey
import org.crmcore.model.GroupMeasure
import org.crmcore.model.GroupRecords
import org.crmcore.model.PivotRecords
import org.crmcore.model.PivotTable
import org.crmcore.model.ResultOrder
import org.crmcore.model.RowsPage
import org.crmcore.model.SelectColumn
import org.crmcore.model.SelectRows
import org.crmcore.model.Value

/**
 * A page of rows: fields of records, of related ones, figures over activities, stages and scores.
 *
 * ```kotlin
 * crm.companies.select(
 *     SelectColumn("name"),
 *     SelectColumn(event = "purchase", last = "at", name = "last purchase"),
 *     SelectColumn(lifecycle = "account"),
 *     where = "employees >= 50",
 *     order = listOf(FieldOrder("name")),
 * )
 * ```
 *
 * [where] is a condition, as text or JSON; [at] counts as now, and days are those of [zone], UTC by default.
 * [after] is the `next` of the page before, which is asked with the same [at]; [limit] is 1 to 10,000.
 */
fun Records.select(
    vararg columns: SelectColumn,
    where: String? = null,
    order: List<FieldOrder> = emptyList(),
    archived: Archived = Archived.EXCLUDE,
    after: String? = null,
    limit: Int = 100,
    at: Instant? = null,
    zone: String? = null,
): RowsPage =
    engine.selectRows(SelectRows(type, where, columns.asList(), order, archived, after, limit.toUInt(), at, zone))

/** The rows of all pages of [select], read by pages of [pageSize] as the sequence is walked. */
fun Records.selectAll(
    vararg columns: SelectColumn,
    where: String? = null,
    order: List<FieldOrder> = emptyList(),
    archived: Archived = Archived.EXCLUDE,
    at: Instant = Instant.now(),
    zone: String? = null,
    pageSize: Int = 1000,
): Sequence<List<Value>> =
    pages { after -> select(*columns, where = where, order = order, archived = archived, after = after, limit = pageSize, at = at, zone = zone) }

/**
 * Figures over groups of records: [measures] over those that are alike in [by], all of them by default.
 *
 * ```kotlin
 * crm.deals.group(by = listOf(GroupKey("closed_on", Bucket.MONTH)), measures = listOf(GroupMeasure(count = true)))
 * ```
 */
fun Records.group(
    by: List<GroupKey> = emptyList(),
    measures: List<GroupMeasure> = emptyList(),
    where: String? = null,
    order: List<ResultOrder> = emptyList(),
    archived: Archived = Archived.EXCLUDE,
    after: String? = null,
    limit: Int = 10_000,
    at: Instant? = null,
    zone: String? = null,
): RowsPage =
    engine.groupRecords(GroupRecords(type, where, by, measures, order, archived, after, limit.toUInt(), at, zone))

/** The groups of all pages of [group], read by pages of [pageSize] as the sequence is walked. */
fun Records.groupAll(
    by: List<GroupKey> = emptyList(),
    measures: List<GroupMeasure> = emptyList(),
    where: String? = null,
    order: List<ResultOrder> = emptyList(),
    archived: Archived = Archived.EXCLUDE,
    at: Instant = Instant.now(),
    zone: String? = null,
    pageSize: Int = 10_000,
): Sequence<List<Value>> =
    pages { after -> group(by, measures, where, order, archived, after, pageSize, at, zone) }

/** A two-way table of [measure] over the records that are alike in [rows] and [columns], with totals. */
fun Records.pivot(
    rows: List<GroupKey>,
    columns: List<GroupKey>,
    measure: GroupMeasure,
    where: String? = null,
    archived: Archived = Archived.EXCLUDE,
    at: Instant? = null,
    zone: String? = null,
): PivotTable = engine.pivotRecords(PivotRecords(type, where, rows, columns, measure, archived, at, zone))

/** Each row by the names of the columns. */
fun RowsPage.toMaps(): List<Map<String, Value>> = rows.map { row -> columns.map { it.name }.zip(row).toMap() }

private fun pages(read: (after: String?) -> RowsPage): Sequence<List<Value>> = sequence {
    var after: String? = null
    do {
        val page = read(after)
        yieldAll(page.rows)
        after = page.next
    } while (after != null)
}
