package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.Channel
import org.crmcore.model.CheckProof
import org.crmcore.model.CheckedProof
import org.crmcore.model.ConfirmConsent
import org.crmcore.model.ConsentDecision
import org.crmcore.model.ConsentDefinitions
import org.crmcore.model.ConsentEvent
import org.crmcore.model.ConsentEvidence
import org.crmcore.model.ConsentHistory
import org.crmcore.model.ConsentKind
import org.crmcore.model.ConsentMethod
import org.crmcore.model.ConsentPolicy
import org.crmcore.model.ConsentProof
import org.crmcore.model.ConsentReceipt
import org.crmcore.model.ConsentReport
import org.crmcore.model.ConsentRequest
import org.crmcore.model.DecideMany
import org.crmcore.model.Empty
import org.crmcore.model.GetConsents
import org.crmcore.model.GetLinkedPeople
import org.crmcore.model.GetNotice
import org.crmcore.model.GetPreferences
import org.crmcore.model.GetReceipt
import org.crmcore.model.LinkPeople
import org.crmcore.model.LinkedPeople
import org.crmcore.model.ManyDecisions
import org.crmcore.model.MayContact
import org.crmcore.model.NewConsent
import org.crmcore.model.NewUnsubscribeLink
import org.crmcore.model.Notice
import org.crmcore.model.Party
import org.crmcore.model.Preferences
import org.crmcore.model.ProveDecision
import org.crmcore.model.PublishNotice
import org.crmcore.model.Purpose
import org.crmcore.model.ReceiptFormat
import org.crmcore.model.RecordConsentUses
import org.crmcore.model.RecordConsents
import org.crmcore.model.RecordRef
import org.crmcore.model.RequestConsent
import org.crmcore.model.SetPreferences
import org.crmcore.model.SweepConsents
import org.crmcore.model.SweptConsents
import org.crmcore.model.Unsubscribe
import org.crmcore.model.UnsubscribeLink
import org.crmcore.model.Unsubscribed
import org.crmcore.model.UseConsent

/**
 * What people allowed, refused and took back, and whether we may contact them.
 *
 * ```kotlin
 * val ann = RecordRef("contact", contact.id)
 * crm.consents.grant(ann, "email", "newsletter")
 * val answer = crm.consents.mayContact(ann, "email", "newsletter")
 * if (answer.isAllowed) crm.consents.recordUse(UseConsent(ann, "email", "newsletter", token = answer.token))
 * ```
 *
 * It holds nothing: make one whenever it is needed.
 */
class Consents internal constructor(private val engine: Engine) {
    /** Records what a person allows, refuses or takes back, a legal basis, a restriction or a pause. */
    fun record(event: NewConsent): ConsentEvent = engine.recordConsent(event)

    /** Records that a person allows a purpose through a channel, now. [record] takes all there is. */
    fun grant(
        subject: RecordRef,
        channel: String,
        purpose: String,
        contactPoint: String? = null,
        method: ConsentMethod = ConsentMethod.API,
        source: String? = null,
        evidence: ConsentEvidence? = null,
    ): ConsentEvent = record(
        NewConsent(
            kind = ConsentKind.GRANTED, subject = subject, channel = channel, purpose = purpose,
            contactPoint = contactPoint, method = method, source = source, evidence = evidence,
        ),
    )

    /** Records that a person takes back everything, or what is named, now. */
    fun withdraw(
        subject: RecordRef,
        channel: String? = null,
        purpose: String? = null,
        contactPoint: String? = null,
        method: ConsentMethod = ConsentMethod.API,
        source: String? = null,
    ): ConsentEvent = record(
        NewConsent(
            kind = ConsentKind.WITHDRAWN, subject = subject, channel = channel, purpose = purpose,
            contactPoint = contactPoint, method = method, source = source,
        ),
    )

    /** Whether a person may be contacted, with every reason, in words of [language]: `de` or `en`. */
    fun mayContact(
        subject: RecordRef,
        channel: String,
        purpose: String,
        contactPoint: String? = null,
        at: Instant? = null,
        zone: String? = null,
        language: String? = null,
    ): ConsentDecision = engine.mayContact(MayContact(subject, channel, purpose, contactPoint, at, zone, language))

    /** The same for a page of records; `withTokens` asks for what sending takes. */
    fun mayContactMany(request: DecideMany): ManyDecisions = engine.mayContactMany(request)

    /** Records that somebody was contacted as it was decided; throws `StaleVersion` if the ledger has changed since. */
    fun recordUse(use: UseConsent): ConsentEvent = engine.recordConsentUse(use)

    /** Records several events in one transaction and says for each what became of it. */
    fun recordMany(events: List<NewConsent>, allOrNothing: Boolean = false): ConsentReport =
        engine.recordConsents(RecordConsents(events, allOrNothing))

    /** Records several contacts in one transaction and says for each what became of it. */
    fun recordUses(uses: List<UseConsent>, allOrNothing: Boolean = false): ConsentReport =
        engine.recordConsentUses(RecordConsentUses(uses, allOrNothing))

    /** Begins a double opt-in; the answer has the secret for the message. */
    fun request(request: RequestConsent): ConsentRequest = engine.requestConsent(request)

    /** Confirms a double opt-in. */
    fun confirm(token: String, language: String? = null, evidence: ConsentEvidence? = null): ConsentEvent =
        engine.confirmConsent(ConfirmConsent(token, language, evidence))

    /** Erases the double opt-ins that nobody confirmed in time. */
    fun sweep(limit: Int = 100): SweptConsents = engine.sweepConsents(SweepConsents(limit.toUInt()))

    /** Makes a link by which one click withdraws, with the headers of RFC 8058. */
    fun unsubscribeLink(link: NewUnsubscribeLink): UnsubscribeLink = engine.makeUnsubscribeLink(link)

    /** Follows a link: a `POST` withdraws, a `GET` only says what it would withdraw. */
    fun unsubscribe(token: String, method: String = "POST", evidence: ConsentEvidence? = null): Unsubscribed =
        engine.unsubscribe(Unsubscribe(token, method, evidence))

    /** The ledger of a person, oldest first, with the proof of each event. */
    fun history(subject: RecordRef, after: Long = 0, limit: Int = 100): ConsentHistory =
        engine.getConsentHistory(GetConsents(subject, after, limit.toUInt()))

    /** Says of two records that they are one person: what restricts one restricts the other. */
    fun link(a: RecordRef, b: RecordRef): LinkedPeople = engine.linkPeople(LinkPeople(a, b))

    /** Takes back that two records are one person; what held for each before holds again. */
    fun unlink(a: RecordRef, b: RecordRef): LinkedPeople = engine.unlinkPeople(LinkPeople(a, b))

    /** The links by which a record is the same person as others. */
    fun linked(subject: RecordRef): LinkedPeople = engine.getLinkedPeople(GetLinkedPeople(subject))

    /** A receipt of what a person allowed; `missing` names what the definitions lack. */
    fun receipt(
        subject: RecordRef,
        format: ReceiptFormat = ReceiptFormat.DPV,
        purpose: String? = null,
    ): ConsentReceipt = engine.makeReceipt(GetReceipt(subject, format, purpose))

    /** The proof of a decision: its events, the texts, and the chain of the journal up to a [head]. */
    fun prove(question: MayContact, head: Long? = null): ConsentProof = engine.proveDecision(ProveDecision(question, head))

    /** Checks a proof by itself, without the file that it is about. */
    fun checkProof(document: String, head: String? = null): CheckedProof = engine.checkProof(CheckProof(document, head))

    /** What a person may choose in a preference centre, and has chosen. */
    fun preferences(subject: RecordRef, contactPoint: String? = null): Preferences =
        engine.getPreferences(GetPreferences(subject, contactPoint))

    /** Records what a person chose, as far as it differs from before. */
    fun setPreferences(preferences: SetPreferences): Preferences = engine.setPreferences(preferences)

    /** Channels, parties, purposes, policies and versions of texts. */
    fun definitions(): ConsentDefinitions = engine.listConsentDefinitions(Empty())

    /** Defines a way to reach people, or changes one. */
    fun define(channel: Channel): Channel = engine.defineChannel(channel)

    /** Defines a controller or a processor, or changes one. */
    fun define(party: Party): Party = engine.defineParty(party)

    /** Defines what the law of a place, or the house, asks for, or changes it. */
    fun define(policy: ConsentPolicy): ConsentPolicy = engine.definePolicy(policy)

    /** Defines what people are contacted for, or changes it. */
    fun define(purpose: Purpose): Purpose = engine.definePurpose(purpose)

    /** Publishes a text that people are shown; another text is the next version. */
    fun publish(name: String, language: String, text: String, asksAgain: Boolean = false): Notice =
        engine.publishNotice(PublishNotice(name, language, text, asksAgain))

    /** A version of a text; the latest if none is named. */
    fun notice(name: String, language: String? = null, version: Long? = null): Notice =
        engine.getNotice(GetNotice(name, language, version))
}
