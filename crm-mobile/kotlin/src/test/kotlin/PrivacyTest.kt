package org.crmcore

import java.time.Instant
import org.crmcore.model.CrmException
import org.crmcore.model.DenyReason
import org.crmcore.model.ErasureReason
import org.crmcore.model.Purpose
import org.crmcore.model.RecordRef
import org.crmcore.model.Retention
import org.crmcore.model.RetentionStart
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PrivacyTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    private fun ann(): RecordRef =
        RecordRef("contact", crm.contacts.create("given_name" to "Ann", "email" to "ann@example.org").id)

    @Test
    fun `an erased person comes back only when the host says so`() {
        val ann = ann()
        assertTrue(crm.privacy.planErasure(ann).blockers.isEmpty())
        val erasure = crm.privacy.erase(ann, ErasureReason.OBJECTED)
        assertEquals(1, erasure.erased.hashes.size)
        assertThrows(CrmException.NotFound::class.java) { crm.privacy.erase(ann) }
        assertThrows(CrmException.Suppressed::class.java) { crm.contacts.create("email" to "Ann@example.org") }
        assertTrue(crm.privacy.liftSuppression("ANN@example.org"))
        assertFalse(crm.privacy.liftSuppression("ann@example.org"))
        crm.contacts.create("email" to "ann@example.org")
    }

    @Test
    fun `nothing is kept of somebody who agreed to nothing`() {
        val ann = ann()
        crm.privacy.erase(ann)
        assertTrue(crm.privacy.proofs(subject = ann).proofs.isEmpty())
        assertTrue(crm.privacy.proofs(contactPoint = "ann@example.org").proofs.isEmpty())
    }

    @Test
    fun `what is due for review is told and nothing is done`() {
        val ann = ann()
        val rule = Retention("kept", "contact", null, "P1D", RetentionStart.CREATED, "email is set", "law")
        crm.privacy.defineRetention(rule)
        assertEquals(listOf("kept"), crm.privacy.retentions().map { it.name })
        val later = Instant.parse("2999-01-01T00:00:00Z")
        assertEquals(listOf(ann), crm.privacy.dueForReview(later).due.map { it.subject })
        assertTrue(crm.privacy.dueForReview().due.isEmpty())
        crm.privacy.removeRetention("kept")
        assertTrue(crm.privacy.dueForReview(later).due.isEmpty())
    }

    @Test
    fun `the list is applied to another file`() {
        val ann = ann()
        crm.privacy.erase(ann)
        val list = crm.privacy.erasures()
        assertEquals(listOf(ann), list.erased.map { it.subject })
        Crm.open(":memory:") { other ->
            val applied = other.privacy.applyErasures(list)
            assertEquals(1UL, applied.absent)
            assertEquals(1UL, applied.foreignHashes)
        }
        assertEquals(1UL, crm.privacy.applyErasures(list).known)
    }

    @Test
    fun `nobody may contact who was erased`() {
        crm.consents.publish("news", "en", "Once a week.")
        crm.consents.define(Purpose("news", channels = listOf("email"), notice = "news", policy = "us_can_spam"))
        val ann = ann()
        crm.privacy.erase(ann)
        val answer = crm.consents.mayContact(ann, "email", "news")
        assertEquals(DenyReason.ERASED, answer.reasons.first().reason)
    }
}
