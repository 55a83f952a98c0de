package org.crmcore

import org.crmcore.conditions.consent
import org.crmcore.model.ConsentKind
import org.crmcore.model.ConsentMethod
import org.crmcore.model.CrmException
import org.crmcore.model.DecideMany
import org.crmcore.model.DenyReason
import org.crmcore.model.MayContact
import org.crmcore.model.NewConsent
import org.crmcore.model.NewUnsubscribeLink
import org.crmcore.model.PreferenceChoice
import org.crmcore.model.Purpose
import org.crmcore.model.RecordRef
import org.crmcore.model.RequestConsent
import org.crmcore.model.SetPreferences
import org.crmcore.model.UseConsent
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ConsentsTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    private fun begin(policy: String = "eu_general"): RecordRef {
        crm.consents.publish("news", "en", "Once a week.")
        crm.consents.define(Purpose("news", channels = listOf("email"), notice = "news", policy = policy))
        return RecordRef("contact", crm.contacts.create("given_name" to "Ann").id)
    }

    @Test
    fun `a decision has its reasons and its token`() {
        val ann = begin()
        val grant = crm.consents.grant(ann, "email", "news")
        val allowed = crm.consents.mayContact(ann, "email", "news")
        assertEquals(listOf(grant.id), allowed.evidence)
        val use = UseConsent(ann, "email", "news", token = allowed.token)
        assertEquals(grant.id, crm.consents.recordUse(use).permittedBy)
        assertThrows(CrmException.StaleVersion::class.java) { crm.consents.recordUse(use) }
        crm.consents.withdraw(ann, channel = "email")
        val denied = crm.consents.mayContact(ann, "email", "news", language = "de")
        assertEquals(listOf(DenyReason.WITHDRAWN_CHANNEL), denied.reasons.map { it.reason })
        assertEquals("Die Person hat sich von diesem Kanal abgemeldet.", denied.reasons.single().text)
        val kinds = crm.consents.history(ann).events.map { it.kind }
        assertEquals(listOf(ConsentKind.GRANTED, ConsentKind.USED, ConsentKind.WITHDRAWN), kinds)
    }

    @Test
    fun `a mailing takes three calls`() {
        val people = listOf(begin(), RecordRef("contact", crm.contacts.create("given_name" to "Bob").id))
        val granted = people.mapIndexed { number, person ->
            NewConsent(
                kind = ConsentKind.GRANTED, subject = person, channel = "email", purpose = "news",
                contactPoint = "$number@example.org", method = ConsentMethod.FORM,
            )
        }
        val report = crm.consents.recordMany(granted + granted[0].copy(purpose = "new"))
        assertEquals("not_found", report.outcomes[2].problem?.kind)
        val request = DecideMany("contact", "email", "news", withTokens = true)
        val page = crm.consents.mayContactMany(request)
        assertEquals(listOf("0@example.org", "1@example.org"), page.decisions.map { it.contactPoint })
        val uses = people.zip(page.decisions) { person, decision ->
            UseConsent(person, "email", "news", token = decision.token.orEmpty())
        }
        assertEquals(0uL, crm.consents.recordUses(uses).failed)
        assertEquals(2uL, crm.consents.recordUses(uses).failed)
    }

    @Test
    fun `a double opt-in is confirmed once`() {
        val ann = begin("eu_strict")
        val waiting = crm.consents.request(RequestConsent(ann, "email", "ann@example.org", "news"))
        assertEquals(ConsentKind.CONFIRMED, crm.consents.confirm(waiting.token).kind)
        assertThrows(CrmException.Duplicate::class.java) { crm.consents.confirm(waiting.token) }
        assertEquals(1, crm.contacts.count(consent("email", "news")))
    }

    @Test
    fun `a withdrawal reaches every record of a person, and is proven`() {
        val ann = begin()
        val other = RecordRef("contact", crm.contacts.create("given_name" to "A.").id)
        crm.consents.grant(ann, "email", "news")
        crm.consents.withdraw(other, channel = "email")
        crm.consents.link(ann, other)
        val denied = crm.consents.mayContact(ann, "email", "news")
        assertEquals(listOf(DenyReason.WITHDRAWN_CHANNEL), denied.reasons.map { it.reason })
        val proof = crm.consents.prove(MayContact(ann, "email", "news"))
        assertTrue(crm.consents.checkProof(proof.document, proof.head).isValid)
        assertEquals(2uL, crm.consents.checkProof(proof.document).events)
        assertEquals(1, crm.consents.linked(other).links.size)
        crm.consents.unlink(other, ann)
        assertTrue(crm.consents.mayContact(ann, "email", "news").isAllowed)
    }

    @Test
    fun `a person sees what is known, and gets a receipt`() {
        val ann = begin()
        crm.consents.grant(ann, "email", "news", contactPoint = "ann@example.org")
        val receipt = crm.consents.receipt(ann)
        assertTrue("ann@example.org" in receipt.document)
        assertTrue("purposes.news.processing.jurisdiction" in receipt.missing)
        val report = crm.privacy.access(ann)
        assertTrue("\"Ann\"" in report.text!!)
        assertTrue(report.tables.any { it.name == "crm_consent_event" && it.rows == 1uL })
        assertEquals(listOf("news"), crm.privacy.register().entries.map { it.purpose })
    }

    @Test
    fun `choices go in and out`() {
        val ann = begin()
        val choices = listOf(PreferenceChoice("news", "email", true))
        val chosen = crm.consents.setPreferences(SetPreferences(ann, choices = choices))
        assertTrue(chosen.purposes.single().channels.single().isChosen)
        val link = crm.consents.unsubscribeLink(NewUnsubscribeLink(ann, "email", url = "https://example.org"))
        assertFalse(crm.consents.unsubscribe(link.token, "GET").isWithdrawn)
        assertTrue(crm.consents.unsubscribe(link.token).isWithdrawn)
        assertFalse(crm.consents.preferences(ann).purposes.single().channels.single().isChosen)
    }
}
