package org.crmcore

import org.crmcore.model.Empty
import org.crmcore.model.JournalHead
import org.crmcore.model.JournalProof
import org.crmcore.model.JournalReport
import org.crmcore.model.Progress
import org.crmcore.model.ProveChanges
import org.crmcore.model.VerifyJournal

/**
 * The chain of the journal: `crm.journal`.
 *
 * ```kotlin
 * val kept = crm.journal.head()
 * val report = crm.journal.verify(kept)
 * check(report.isOk)
 * ```
 */
class Journal internal constructor(private val crm: Crm) {
    /** The end of the journal, to be kept elsewhere. */
    fun head(): JournalHead = crm.journalHead(Empty())

    /** Follows the chain, which has to lead through [head] if one is given. [progress] returns false to cancel. */
    fun verify(head: JournalHead? = null, progress: ((Progress) -> Boolean)? = null): JournalReport =
        watched(progress) { crm.verifyJournal(VerifyJournal(head), it) }

    /** Proves that the changes of places [seqs] stand in the journal as they are shown, up to the head of place [until]. */
    fun prove(seqs: List<Long>, until: Long? = null): JournalProof = crm.proveChanges(ProveChanges(seqs, until))
}
