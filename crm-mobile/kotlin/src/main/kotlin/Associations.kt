package org.crmcore

import java.time.LocalDate
import org.crmcore.engine.Engine
import org.crmcore.model.AddAssociation
import org.crmcore.model.ArchiveAssociation
import org.crmcore.model.Archived
import org.crmcore.model.Association
import org.crmcore.model.AssociationDirection
import org.crmcore.model.AssociationWalk
import org.crmcore.model.FindRelated
import org.crmcore.model.GetAssociation
import org.crmcore.model.PatchAssociation
import org.crmcore.model.Record
import org.crmcore.model.RecordRef
import org.crmcore.model.Related
import org.crmcore.model.RestoreAssociation
import org.crmcore.model.WalkAssociations

/**
 * Links between records: who works where, what belongs to what.
 *
 * ```kotlin
 * crm.defineAssociationPreset(DefineAssociationPreset(AssociationPreset.EMPLOYED_BY))
 * crm.associations.add("employed_by", ann.ref, acme.ref, role = "CFO", validFrom = LocalDate.of(2024, 7, 1))
 * for (found in crm.associations.related(acme.ref)) println(found.association.role)
 * ```
 *
 * Values are given as Kotlin has them (see [valueOf]). It holds nothing: make one whenever it is needed.
 */
class Associations internal constructor(private val engine: Engine) {
    /**
     * Adds an association of [type] that leads [from] a record [to] another, and returns it with its id. It
     * holds from the day [validFrom] to the day [validTo], both included; since ever and for ever where they
     * are null. One that is primary takes the flag from the one that was. [values] are those of the type's
     * attributes.
     */
    fun add(
        type: String,
        from: RecordRef,
        to: RecordRef,
        role: String? = null,
        isPrimary: Boolean = false,
        validFrom: LocalDate? = null,
        validTo: LocalDate? = null,
        values: Map<String, Any?> = emptyMap(),
    ): Association =
        engine.addAssociation(AddAssociation(type, from, to, role, isPrimary, validFrom, validTo, valuesOf(values)))

    /** The association of this id; throws `CrmException.NotFound` if there is none. */
    operator fun get(id: String): Association = engine.getAssociation(GetAssociation(id))

    /**
     * Changes `role`, `is_primary`, `valid_from`, `valid_to` or attributes of the association of this id; null
     * clears, those left out stay. If it has another version than [expectedVersion], it throws
     * `CrmException.StaleVersion`.
     */
    fun patch(id: String, vararg changes: Pair<String, Any?>, expectedVersion: Long? = null): Association =
        engine.patchAssociation(PatchAssociation(id, valuesOf(changes.toMap()), expectedVersion))

    /** Archives the association of this id: it stays readable, and no longer counts. */
    fun archive(id: String, expectedVersion: Long? = null): Association =
        engine.archiveAssociation(ArchiveAssociation(id, expectedVersion))

    /** Takes the association of this id out of the archive, if what was added meanwhile leaves room for it. */
    fun restore(id: String, expectedVersion: Long? = null): Association =
        engine.restoreAssociation(RestoreAssociation(id, expectedVersion))

    /**
     * What [record] is associated with, read by pages of [pageSize] as the sequence is walked. Without the day
     * [on] the present one counts, in UTC; [atAnyTime] asks for every day. Associations that are archived, or
     * lead to an archived record, are left out unless [archived] says so.
     */
    fun related(
        record: RecordRef,
        type: String? = null,
        direction: AssociationDirection = AssociationDirection.BOTH,
        role: String? = null,
        on: LocalDate? = null,
        atAnyTime: Boolean = false,
        archived: Archived = Archived.EXCLUDE,
        withRecords: Boolean = false,
        pageSize: Int = 1000,
    ): Sequence<Related> = sequence {
        var after: String? = null
        do {
            val page = engine.findRelated(
                FindRelated(record, type, direction, role, on, atAnyTime, archived, withRecords, after, pageSize.toUInt()),
            )
            yieldAll(page.related)
            after = page.next
        } while (after != null)
    }

    /**
     * Follows associations of [type] from [record] to the next, each record once, nearest first: at most
     * [maxDepth] steps, 1 to 64, and [limit] records. In a hierarchy `OUTGOING` leads up and `INCOMING` down.
     */
    fun walk(
        type: String,
        record: RecordRef,
        direction: AssociationDirection = AssociationDirection.BOTH,
        on: LocalDate? = null,
        atAnyTime: Boolean = false,
        throughArchived: Boolean = false,
        maxDepth: Int = 64,
        limit: Int = 1000,
    ): AssociationWalk = engine.walkAssociations(
        WalkAssociations(type, record, direction, on, atAnyTime, throughArchived, maxDepth.toUInt(), limit.toUInt()),
    )
}

/** The name of the record, as associations and activities take it. */
val Record.ref: RecordRef get() = RecordRef(entityType, id)
