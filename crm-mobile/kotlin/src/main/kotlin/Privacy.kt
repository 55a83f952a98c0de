package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.AccessData
import org.crmcore.model.AccessReport
import org.crmcore.model.AccessScope
import org.crmcore.model.AppliedErasures
import org.crmcore.model.ApplyErasures
import org.crmcore.model.Empty
import org.crmcore.model.EraseSubject
import org.crmcore.model.ErasedSubject
import org.crmcore.model.Erasure
import org.crmcore.model.ErasureList
import org.crmcore.model.ErasurePlan
import org.crmcore.model.ErasureReason
import org.crmcore.model.GetRegister
import org.crmcore.model.LiftSuppression
import org.crmcore.model.ListDueForReview
import org.crmcore.model.ListErasures
import org.crmcore.model.ListProofs
import org.crmcore.model.PlanErasure
import org.crmcore.model.ProcessingRegister
import org.crmcore.model.Progress
import org.crmcore.model.ProofPage
import org.crmcore.model.RecordRef
import org.crmcore.model.Retention
import org.crmcore.model.RetentionName
import org.crmcore.model.ReviewPage

/**
 * What the file knows about people, what they may ask of it, and its end.
 *
 * ```kotlin
 * val ann = RecordRef("contact", contact.id)
 * if (crm.privacy.planErasure(ann).blockers.isEmpty()) crm.privacy.erase(ann)
 * ```
 *
 * It holds nothing: make one whenever it is needed.
 */
class Privacy internal constructor(private val engine: Engine) {
    /**
     * Shows a person what the file has of them: a JSON document, or with [table] one of its tables as CSV. It
     * is written to a new file at [path], or returned as text. [progress] returns false to cancel.
     */
    fun access(
        subject: RecordRef,
        path: String? = null,
        scope: AccessScope = AccessScope.EVERYTHING,
        table: String? = null,
        at: Instant? = null,
        progress: ((Progress) -> Boolean)? = null,
    ): AccessReport = watched(progress) { engine.accessData(AccessData(subject, scope, table, at, path), it) }

    /** The register of processing activities (GDPR art. 30), made from the purposes and the retention rules. */
    fun register(controller: String? = null): ProcessingRegister = engine.makeRegister(GetRegister(controller))

    /** What erasing a person would do, what stays and why, and what speaks against it. */
    fun planErasure(subject: RecordRef, at: Instant? = null): ErasurePlan =
        engine.planErasure(PlanErasure(subject, at))

    /**
     * Erases a person, with all that the file and its journal say, in one transaction. The contact points of the
     * person are refused from then on, until [liftSuppression].
     */
    fun erase(
        subject: RecordRef,
        reason: ErasureReason = ErasureReason.REQUESTED,
        expectedVersion: Long? = null,
    ): Erasure = engine.eraseSubject(EraseSubject(subject, reason, expectedVersion))

    /** A page of those who were erased, as random ids and keyed hashes, to be kept beside backups. */
    fun erasures(after: Long = 0, limit: Int = 100): ErasureList =
        engine.listErasures(ListErasures(after, limit.toUInt()))

    /** Erases in an older copy of the file whom a list names, in one transaction. */
    fun applyErasures(erased: List<ErasedSubject>, key: String? = null): AppliedErasures =
        engine.applyErasures(ApplyErasures(key, erased))

    /** The same with a page of another file, or of this one before. */
    fun applyErasures(list: ErasureList): AppliedErasures = applyErasures(list.erased, list.key)

    /**
     * A page of the proofs of consent that are kept of persons who were erased, those first that go first: all, those
     * still kept [at] a moment, those of one record, or those that were given with a [contactPoint].
     */
    fun proofs(
        at: Instant? = null,
        subject: RecordRef? = null,
        contactPoint: String? = null,
        limit: Int = 100,
        after: String? = null,
    ): ProofPage = engine.listProofs(ListProofs(at, subject, contactPoint, limit.toUInt(), after))

    /** Lets a contact point come back, because the person did; answers whether it was suppressed. */
    fun liftSuppression(contactPoint: String): Boolean =
        engine.liftSuppression(LiftSuppression(contactPoint)).wasSuppressed

    /**
     * Defines how long records are kept, or changes it: what is stated is all of the rule. It has nothing done by
     * itself: see [dueForReview].
     */
    fun defineRetention(rule: Retention): Retention = engine.defineRetention(rule)

    /** All retention rules, by name. */
    fun retentions(): List<Retention> = engine.listRetentions(Empty())

    /** Removes a retention rule, and answers what it was. The journal still has it. */
    fun removeRetention(retention: String): Retention = engine.removeRetention(RetentionName(retention))

    /**
     * A page of the records that were kept for as long as the rules say, the longest due first: [at] a moment, or now,
     * or as of the page before. Nothing is changed: what becomes of a record is yours to say.
     */
    fun dueForReview(
        at: Instant? = null,
        retention: String? = null,
        type: String? = null,
        limit: Int = 100,
        after: String? = null,
    ): ReviewPage = engine.listDueForReview(ListDueForReview(at, retention, type, limit.toUInt(), after))
}
