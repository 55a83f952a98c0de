package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.AccessData
import org.crmcore.model.AccessReport
import org.crmcore.model.AccessScope
import org.crmcore.model.GetRegister
import org.crmcore.model.ProcessingRegister
import org.crmcore.model.Progress
import org.crmcore.model.RecordRef

/**
 * What the file knows about people, and what they may ask of it.
 *
 * ```kotlin
 * val ann = RecordRef("contact", contact.id)
 * crm.privacy.access(ann, path = "ann.json")
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

    /** The register of processing activities (GDPR art. 30), made from the purposes. */
    fun register(controller: String? = null): ProcessingRegister = engine.makeRegister(GetRegister(controller))
}
