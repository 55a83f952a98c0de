package org.crmcore

import org.crmcore.engine.Engine
import org.crmcore.model.ActivityColumns
import org.crmcore.model.ApplyPlan
import org.crmcore.model.AssociationColumns
import org.crmcore.model.BadCells
import org.crmcore.model.ColumnMapping
import org.crmcore.model.CsvDialect
import org.crmcore.model.Import
import org.crmcore.model.ImportMode
import org.crmcore.model.ImportName
import org.crmcore.model.ImportPlan
import org.crmcore.model.ImportRun
import org.crmcore.model.ImportSource
import org.crmcore.model.ListImports
import org.crmcore.model.ListPlanRows
import org.crmcore.model.PlanImport
import org.crmcore.model.PlannedRow
import org.crmcore.model.Progress
import org.crmcore.model.ResumeImport
import org.crmcore.model.RevertReport
import org.crmcore.model.RowDecision
import org.crmcore.model.SourceFormat
import org.crmcore.model.StartStage

/**
 * Where columns go, each by its name: `columnsOf("E-mail" to "email")`. A [ColumnMapping] says more of a column, such as
 * the format of its dates.
 */
fun columnsOf(vararg columns: Pair<String, String>): List<ColumnMapping> =
    columns.map { (column, attribute) -> ColumnMapping(column, attribute) }

/**
 * Imports that can be trusted: planned without writing, applied as planned, and taken back.
 *
 * A table is CSV or JSON lines, in a file or in a text. Arrow tables are for C and Python: this library is built
 * without Arrow, and a source of that format is refused.
 *
 * ```kotlin
 * val columns = columnsOf("E-mail" to "email", "Last name" to "family_name")
 * val plan = crm.imports.planCsv("contact", columns, path = "people.csv", key = listOf("email"))
 * val run = crm.imports.apply(plan)
 * crm.imports.revert(run.import.id)
 * ```
 */
class Imports internal constructor(private val engine: Engine) {
    /**
     * Says what would come of importing a CSV table, the file at [path] or [text], without writing anything.
     * With a [key], one attribute or several that must all be equal, records that are there are changed and
     * others created, unless [mode] says otherwise. [associations] and [activities] say which columns make what
     * beside the record, and [stages] on which stages new records begin. [progress] is told of the bytes read and
     * returns false to cancel.
     */
    fun planCsv(
        type: String,
        columns: List<ColumnMapping>,
        path: String? = null,
        text: String? = null,
        key: List<String> = emptyList(),
        mode: ImportMode = usualMode(key),
        badCells: BadCells = BadCells.REJECT_ROW,
        dialect: CsvDialect = CsvDialect(),
        associations: List<AssociationColumns> = emptyList(),
        activities: List<ActivityColumns> = emptyList(),
        stages: List<StartStage> = emptyList(),
        progress: ((Progress) -> Boolean)? = null,
    ): ImportPlan {
        val source = ImportSource(SourceFormat.CSV, path, text, dialect)
        val request = PlanImport(type, source, columns, mode, key, badCells, associations, activities, stages)
        return plan(request, progress)
    }

    /** As [planCsv], of JSON objects, one a line; the keys of an object within one are joined by a dot, as in `home.city`. */
    fun planJsonLines(
        type: String,
        columns: List<ColumnMapping>,
        path: String? = null,
        text: String? = null,
        key: List<String> = emptyList(),
        mode: ImportMode = usualMode(key),
        badCells: BadCells = BadCells.REJECT_ROW,
        associations: List<AssociationColumns> = emptyList(),
        activities: List<ActivityColumns> = emptyList(),
        stages: List<StartStage> = emptyList(),
        progress: ((Progress) -> Boolean)? = null,
    ): ImportPlan {
        val source = ImportSource(SourceFormat.JSON_LINES, path, text, CsvDialect())
        val request = PlanImport(type, source, columns, mode, key, badCells, associations, activities, stages)
        return plan(request, progress)
    }

    /**
     * What would become of each row of [plan], or of those with one of these [decisions], worked out by
     * pages of [pageSize] as the sequence is walked.
     */
    fun rows(plan: ImportPlan, vararg decisions: RowDecision, pageSize: Int = 1000): Sequence<PlannedRow> = sequence {
        var after: ULong? = 0uL
        while (after != null) {
            val page = engine.listPlanRows(ListPlanRows(plan, after, pageSize.toUInt(), decisions.asList()))
            yieldAll(page.rows)
            after = page.next
        }
    }

    /**
     * Carries out [plan] and remembers what it did. It throws `CrmException.StaleVersion` and writes nothing if the
     * table was changed, or records that the plan looked at. What was written when [progress] cancels is kept.
     */
    fun apply(plan: ImportPlan, progress: ((Progress) -> Boolean)? = null): ImportRun =
        watched(progress) { engine.applyPlan(ApplyPlan(plan), it) }

    /**
     * Goes on with the import of this id, which was cancelled or cut short. [plan] is the one that it was begun with,
     * or one made anew for the same table and columns.
     */
    fun resume(id: String, plan: ImportPlan, progress: ((Progress) -> Boolean)? = null): ImportRun =
        watched(progress) { engine.resumeImport(ResumeImport(id, plan), it) }

    /** Takes the import of this id back; what others changed since is left and listed. */
    fun revert(id: String, progress: ((Progress) -> Boolean)? = null): RevertReport =
        watched(progress) { engine.revertImport(ImportName(id), it) }

    /** How far the import of this id is, and what it did. */
    operator fun get(id: String): Import = engine.getImport(ImportName(id))

    /** All imports that were begun from a plan, the newest first, read by pages of [pageSize] as the sequence is walked. */
    fun iterate(pageSize: Int = 1000): Sequence<Import> = sequence {
        var after: String? = null
        do {
            val page = engine.listImports(ListImports(after, pageSize.toUInt()))
            yieldAll(page.imports)
            after = page.next
        } while (after != null)
    }

    private fun plan(request: PlanImport, progress: ((Progress) -> Boolean)?): ImportPlan =
        watched(progress) { engine.planImport(request, it) }

    private companion object {
        fun usualMode(key: List<String>) = if (key.isEmpty()) ImportMode.CREATE else ImportMode.UPSERT
    }
}
