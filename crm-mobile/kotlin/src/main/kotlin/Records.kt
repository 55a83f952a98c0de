package org.crmcore

import java.time.Instant
import org.crmcore.conditions.BuiltCondition
import org.crmcore.engine.Engine
import org.crmcore.model.ArchiveRecord
import org.crmcore.model.Archived
import org.crmcore.model.AuditRecords
import org.crmcore.model.AuditReport
import org.crmcore.model.BadCells
import org.crmcore.model.CardMapping
import org.crmcore.model.CardVersion
import org.crmcore.model.CheckCondition
import org.crmcore.model.CheckedCondition
import org.crmcore.model.ColumnMapping
import org.crmcore.model.ConditionAnswer
import org.crmcore.model.ConditionPlan
import org.crmcore.model.CountRecords
import org.crmcore.model.CreateRecord
import org.crmcore.model.CsvDialect
import org.crmcore.model.CsvProfile
import org.crmcore.model.EvaluateCondition
import org.crmcore.model.ExplainCondition
import org.crmcore.model.ExportCsv
import org.crmcore.model.ExportReport
import org.crmcore.model.ExportVcard
import org.crmcore.model.GetHistory
import org.crmcore.model.GetManyRecords
import org.crmcore.model.GetRecord
import org.crmcore.model.GetRecordBy
import org.crmcore.model.HistoryEntry
import org.crmcore.model.ImportCsv
import org.crmcore.model.ImportMode
import org.crmcore.model.ImportReport
import org.crmcore.model.ImportVcard
import org.crmcore.model.ListRecords
import org.crmcore.model.MappingProposal
import org.crmcore.model.Order
import org.crmcore.model.PatchRecord
import org.crmcore.model.Progress
import org.crmcore.model.ProposeMapping
import org.crmcore.model.Record
import org.crmcore.model.RecordPage
import org.crmcore.model.RestoreRecord
import org.crmcore.model.StartStage
import org.crmcore.model.UpsertRecord
import org.crmcore.model.Upserted

/**
 * Records of one entity type.
 *
 * Values are given as Kotlin has them (see [valueOf]), and null clears. It holds nothing: make one
 * whenever it is needed.
 */
class Records internal constructor(internal val engine: Engine, /** The entity type. */ val type: String) {
    /** Adds a record and returns it with its id. Attributes that are left out take their default. */
    fun create(vararg values: Pair<String, Any?>): Record = create(values.toMap())

    /** Adds a record and returns it with its id. Attributes that are left out take their default. */
    fun create(values: Map<String, Any?>): Record = engine.createRecord(CreateRecord(type, valuesOf(values)))

    /** The record of this id; throws `CrmException.NotFound` if there is none. */
    operator fun get(id: String): Record = engine.getRecord(GetRecord(type, id))

    /** The record that has [value] as its unique [attribute]; throws `CrmException.NotFound` if there is none. */
    fun getBy(attribute: String, value: Any?): Record = engine.getRecordBy(GetRecordBy(type, attribute, valueOf(value)))

    /** The record that has [value] as its unique [attribute], or null. */
    fun find(attribute: String, value: Any?): Record? = getMany(listOf(value), attribute).single()

    /**
     * The records of several ids, or of several values of the unique [attribute], from one state of the
     * file: in the order of [keys], null where there is none.
     */
    fun getMany(keys: Iterable<Any?>, attribute: String? = null): List<Record?> =
        engine.getManyRecords(GetManyRecords(type, attribute, keys.map(::valueOf))).records

    /**
     * Changes some values of the record of this id; null clears an attribute, those left out stay. If the
     * record has another version than [expectedVersion], it throws `CrmException.StaleVersion`.
     */
    fun patch(id: String, vararg values: Pair<String, Any?>, expectedVersion: Long? = null): Record =
        patch(id, values.toMap(), expectedVersion)

    /** As the other [patch], with the values as a map. */
    fun patch(id: String, values: Map<String, Any?>, expectedVersion: Long? = null): Record =
        engine.patchRecord(PatchRecord(type, id, valuesOf(values), expectedVersion))

    /**
     * Changes some values of [record]. If it was changed since it was read, it throws
     * `CrmException.StaleVersion` and writes nothing.
     */
    fun patch(record: Record, vararg values: Pair<String, Any?>): Record =
        patch(record.id, values.toMap(), record.version)

    /** Archives the record of this id: it stays readable, and lists leave it out. */
    fun archive(id: String, expectedVersion: Long? = null): Record =
        engine.archiveRecord(ArchiveRecord(type, id, expectedVersion))

    /** Takes the record of this id out of the archive. */
    fun restore(id: String, expectedVersion: Long? = null): Record =
        engine.restoreRecord(RestoreRecord(type, id, expectedVersion))

    /** Creates a record, or changes the one that has the same value of the unique attribute [key]. */
    fun upsert(key: String, vararg values: Pair<String, Any?>): Upserted = upsert(key, values.toMap())

    /** Creates a record, or changes the one that has the same value of the unique attribute [key]. */
    fun upsert(key: String, values: Map<String, Any?>): Upserted =
        engine.upsertRecord(UpsertRecord(type, key, valuesOf(values)))

    /**
     * A page of records whose attributes equal [filter], where null means without a value, and for which the
     * condition [where] is true, as text or JSON. [after] is the `next` of the page before; [limit] is 1 to 10,000.
     * [at] counts as now in the condition, and days are those of [zone], UTC by default.
     */
    fun list(
        filter: Map<String, Any?> = emptyMap(),
        where: String? = null,
        at: Instant? = null,
        zone: String? = null,
        order: Order? = null,
        archived: Archived = Archived.EXCLUDE,
        after: String? = null,
        limit: Int = 100,
    ): RecordPage =
        engine.listRecords(ListRecords(type, valuesOf(filter), where, at, zone, order, archived, after, limit.toUInt()))

    /** As the other [list], with a condition that was built. */
    fun list(
        where: BuiltCondition,
        filter: Map<String, Any?> = emptyMap(),
        at: Instant? = null,
        zone: String? = null,
        order: Order? = null,
        archived: Archived = Archived.EXCLUDE,
        after: String? = null,
        limit: Int = 100,
    ): RecordPage = list(filter, where.json, at, zone, order, archived, after, limit)

    /**
     * All records of [list], read by pages of [pageSize] as the sequence is walked. A condition in which time
     * counts is best given the moment [at], the same for all pages.
     */
    fun iterate(
        filter: Map<String, Any?> = emptyMap(),
        where: String? = null,
        at: Instant? = null,
        zone: String? = null,
        order: Order? = null,
        archived: Archived = Archived.EXCLUDE,
        pageSize: Int = 1000,
    ): Sequence<Record> = sequence {
        var after: String? = null
        do {
            val page = list(filter, where, at, zone, order, archived, after, pageSize)
            yieldAll(page.records)
            after = page.next
        } while (after != null)
    }

    /** As the other [iterate], with a condition that was built. */
    fun iterate(
        where: BuiltCondition,
        filter: Map<String, Any?> = emptyMap(),
        at: Instant? = null,
        zone: String? = null,
        order: Order? = null,
        archived: Archived = Archived.EXCLUDE,
        pageSize: Int = 1000,
    ): Sequence<Record> = iterate(filter, where.json, at, zone, order, archived, pageSize)

    /** How many records there are of those that [list] takes. */
    fun count(
        filter: Map<String, Any?> = emptyMap(),
        where: String? = null,
        at: Instant? = null,
        zone: String? = null,
        archived: Archived = Archived.EXCLUDE,
    ): Long = engine.countRecords(CountRecords(type, valuesOf(filter), where, at, zone, archived)).toLong()

    /** As the other [count], with a condition that was built. */
    fun count(
        where: BuiltCondition,
        filter: Map<String, Any?> = emptyMap(),
        at: Instant? = null,
        zone: String? = null,
        archived: Archived = Archived.EXCLUDE,
    ): Long = count(filter, where.json, at, zone, archived)

    /** The condition [where], as text or JSON, in its normal form; throws if it does not fit this type. */
    fun check(where: String): CheckedCondition = engine.checkCondition(CheckCondition(type, where))

    /** As the other [check], with a condition that was built. */
    fun check(where: BuiltCondition): CheckedCondition = check(where.json)

    /** Whether the condition [where] is true for the record of this id, and why. [at] and [zone] are as in [list]. */
    fun evaluate(id: String, where: String, at: Instant? = null, zone: String? = null): ConditionAnswer =
        engine.evaluateCondition(EvaluateCondition(type, id, where, at, zone))

    /** As the other [evaluate], with a condition that was built. */
    fun evaluate(id: String, where: BuiltCondition, at: Instant? = null, zone: String? = null): ConditionAnswer =
        evaluate(id, where.json, at, zone)

    /** The SQL of the condition [where] and its plan, and for the record of [id] the reasons. */
    fun explain(where: String, id: String? = null, at: Instant? = null, zone: String? = null): ConditionPlan =
        engine.explainCondition(ExplainCondition(type, where, at, zone, id))

    /** As the other [explain], with a condition that was built. */
    fun explain(where: BuiltCondition, id: String? = null, at: Instant? = null, zone: String? = null): ConditionPlan =
        explain(where.json, id, at, zone)

    /**
     * Counts how complete the records are, and finds what looks like a mistake: misspellings, duplicates,
     * outliers and others, each with up to [examples] ids. [at] counts as now; [progress] returns false to cancel.
     */
    fun audit(
        at: Instant? = null,
        staleAfterDays: Int = 365,
        examples: Int = 5,
        progress: ((Progress) -> Boolean)? = null,
    ): AuditReport = watched(progress) {
        engine.auditRecords(AuditRecords(type, at, staleAfterDays.toUInt(), examples.toUInt()), it)
    }

    /** The changes of the record of this id, or of one [attribute] of it, oldest first, read by pages as the sequence is walked. */
    fun history(id: String, attribute: String? = null, pageSize: Int = 1000): Sequence<HistoryEntry> = sequence {
        var after: Long? = 0
        while (after != null) {
            val page = engine.getHistory(GetHistory(type, id, attribute, after, pageSize.toUInt()))
            yieldAll(page.entries)
            after = page.next
        }
    }

    /** Which column of a CSV table resembles which attribute. The table is the file at [path], or [text]. */
    fun proposeMapping(path: String? = null, text: String? = null, dialect: CsvDialect = CsvDialect()): MappingProposal =
        engine.proposeMapping(ProposeMapping(type, path, text, dialect))

    /**
     * Reads a CSV table, the file at [path] or [text], into records, and reports every cell that does not
     * fit. [key] is the unique attribute that names the record where [mode] changes records,
     * and [stages] says on which stages new records begin. [progress] is told of the bytes read and returns false to cancel.
     */
    fun importCsv(
        columns: List<ColumnMapping>,
        path: String? = null,
        text: String? = null,
        mode: ImportMode = ImportMode.CREATE,
        key: String? = null,
        badCells: BadCells = BadCells.REJECT_ROW,
        stages: List<StartStage> = emptyList(),
        allOrNothing: Boolean = false,
        dialect: CsvDialect = CsvDialect(),
        progress: ((Progress) -> Boolean)? = null,
    ): ImportReport = watched(progress) { listener ->
        val request = ImportCsv(type, path, text, columns, dialect, mode, key, badCells, stages, allOrNothing)
        engine.importCsv(request, listener)
    }

    /**
     * Writes records as a CSV table: to [path], where nothing may be yet, or else into the report, up to
     * 16 MiB. If no [attributes] are listed these are the id and those without a sensitivity, with [personal]
     * also those that are personal; a special one is written only where it is listed. [progress] is told of
     * the records written and returns false to cancel.
     */
    fun exportCsv(
        path: String? = null,
        attributes: List<String> = emptyList(),
        personal: Boolean = false,
        filter: Map<String, Any?> = emptyMap(),
        archived: Archived = Archived.EXCLUDE,
        profile: CsvProfile = CsvProfile.MACHINE,
        dialect: CsvDialect = CsvDialect(),
        progress: ((Progress) -> Boolean)? = null,
    ): ExportReport = watched(progress) { listener ->
        val request = ExportCsv(type, path, attributes, personal, valuesOf(filter), archived, dialect, profile)
        engine.exportCsv(request, listener)
    }

    /**
     * Reads address cards of vCard 2.1, 3.0 or 4.0, the file at [path] or [text], into records, and
     * reports every property that does not fit. Without a [mapping] the properties go to the attributes of
     * the presets; what has no place is kept in the attribute [remainder], by default `vcard`.
     * [createMissing] creates the record that a reference names, and [stages] says on which stages new records
     * begin. [progress] is told of the bytes read and
     * returns false to cancel.
     */
    fun importVcard(
        path: String? = null,
        text: String? = null,
        mapping: List<CardMapping> = emptyList(),
        remainder: String? = null,
        encoding: String? = null,
        createMissing: Boolean = false,
        mode: ImportMode = ImportMode.CREATE,
        key: String? = null,
        stages: List<StartStage> = emptyList(),
        allOrNothing: Boolean = false,
        progress: ((Progress) -> Boolean)? = null,
    ): ImportReport = watched(progress) { listener ->
        val request =
            ImportVcard(type, path, text, mapping, remainder, encoding, createMissing, mode, key, stages, allOrNothing)
        engine.importVcard(request, listener)
    }

    /**
     * Writes records as address cards: to [path], where nothing may be yet, or else into the report, up to
     * 16 MiB. What an import has kept of a card is written again. [progress] is told of the records written
     * and returns false to cancel.
     */
    fun exportVcard(
        path: String? = null,
        version: CardVersion = CardVersion.V3,
        mapping: List<CardMapping> = emptyList(),
        remainder: String? = null,
        filter: Map<String, Any?> = emptyMap(),
        archived: Archived = Archived.EXCLUDE,
        progress: ((Progress) -> Boolean)? = null,
    ): ExportReport = watched(progress) { listener ->
        engine.exportVcard(ExportVcard(type, path, version, mapping, remainder, valuesOf(filter), archived), listener)
    }
}
