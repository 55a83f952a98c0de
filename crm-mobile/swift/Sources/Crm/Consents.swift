import Foundation

/// What people allowed, refused and took back, and whether we may contact them: `crm.consents`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Consents: Sendable {
    let crm: Crm

    /// Records what a person allows, refuses or takes back, a legal basis, a restriction or a pause.
    @discardableResult
    public func record(_ event: NewConsent) throws -> ConsentEvent {
        try crm.recordConsent(request: event)
    }

    /// Records that a person allows a purpose through a channel, now. `record` takes all there is.
    @discardableResult
    public func grant(
        _ subject: RecordRef, _ channel: String, _ purpose: String, contactPoint: String? = nil,
        method: ConsentMethod = .api, source: String? = nil, evidence: ConsentEvidence? = nil
    ) throws -> ConsentEvent {
        try record(
            NewConsent(
                kind: .granted, subject: subject, channel: channel, purpose: purpose,
                contactPoint: contactPoint, method: method, source: source, evidence: evidence))
    }

    /// Records that a person takes back everything, or what is named, now.
    @discardableResult
    public func withdraw(
        _ subject: RecordRef, channel: String? = nil, purpose: String? = nil,
        contactPoint: String? = nil, method: ConsentMethod = .api, source: String? = nil
    ) throws -> ConsentEvent {
        try record(
            NewConsent(
                kind: .withdrawn, subject: subject, channel: channel, purpose: purpose,
                contactPoint: contactPoint, method: method, source: source))
    }

    /// Whether a person may be contacted, with every reason, in words of `language`: `de` or `en`.
    public func mayContact(
        _ subject: RecordRef, _ channel: String, _ purpose: String, contactPoint: String? = nil,
        at: Date? = nil, zone: String? = nil, language: String? = nil
    ) throws -> ConsentDecision {
        try crm.mayContact(
            request: MayContact(
                subject: subject, channel: channel, purpose: purpose, contactPoint: contactPoint,
                at: at, zone: zone, language: language))
    }

    /// The same for a page of records; `withTokens` asks for what sending takes.
    public func mayContact(_ many: DecideMany) throws -> ManyDecisions {
        try crm.mayContactMany(request: many)
    }

    /// Records that somebody was contacted as it was decided; refused if the ledger has changed since.
    @discardableResult
    public func record(use: UseConsent) throws -> ConsentEvent {
        try crm.recordConsentUse(request: use)
    }

    /// Records several events in one transaction and says for each what became of it.
    @discardableResult
    public func record(_ events: [NewConsent], allOrNothing: Bool = false) throws -> ConsentReport {
        try crm.recordConsents(
            request: RecordConsents(consents: events, allOrNothing: allOrNothing))
    }

    /// Records several contacts in one transaction and says for each what became of it.
    @discardableResult
    public func record(uses: [UseConsent], allOrNothing: Bool = false) throws -> ConsentReport {
        try crm.recordConsentUses(
            request: RecordConsentUses(uses: uses, allOrNothing: allOrNothing))
    }

    /// Begins a double opt-in; the answer has the secret for the message.
    public func request(_ request: RequestConsent) throws -> ConsentRequest {
        try crm.requestConsent(request: request)
    }

    /// Confirms a double opt-in.
    @discardableResult
    public func confirm(
        _ token: String, language: String? = nil, evidence: ConsentEvidence? = nil
    ) throws -> ConsentEvent {
        try crm.confirmConsent(
            request: ConfirmConsent(token: token, language: language, evidence: evidence))
    }

    /// Erases the double opt-ins that nobody confirmed in time.
    @discardableResult
    public func sweep(limit: UInt32 = 100) throws -> SweptConsents {
        try crm.sweepConsents(request: SweepConsents(limit: limit))
    }

    /// Makes a link by which one click withdraws, with the headers of RFC 8058.
    public func unsubscribeLink(_ link: NewUnsubscribeLink) throws -> UnsubscribeLink {
        try crm.makeUnsubscribeLink(request: link)
    }

    /// Follows a link: a `POST` withdraws, a `GET` only says what it would withdraw.
    @discardableResult
    public func unsubscribe(
        _ token: String, method: String = "POST", evidence: ConsentEvidence? = nil
    ) throws -> Unsubscribed {
        try crm.unsubscribe(
            request: Unsubscribe(token: token, method: method, evidence: evidence))
    }

    /// The ledger of a person, oldest first, with the proof of each event.
    public func history(
        of subject: RecordRef, after: Int64 = 0, limit: UInt32 = 100
    ) throws -> ConsentHistory {
        try crm.getConsentHistory(
            request: GetConsents(subject: subject, after: after, limit: limit))
    }

    /// Says of two records that they are one person: what restricts one restricts the other.
    @discardableResult
    public func link(_ a: RecordRef, _ b: RecordRef) throws -> LinkedPeople {
        try crm.linkPeople(request: LinkPeople(a: a, b: b))
    }

    /// Takes back that two records are one person; what held for each before holds again.
    @discardableResult
    public func unlink(_ a: RecordRef, _ b: RecordRef) throws -> LinkedPeople {
        try crm.unlinkPeople(request: LinkPeople(a: a, b: b))
    }

    /// The links by which a record is the same person as others.
    public func linked(_ subject: RecordRef) throws -> LinkedPeople {
        try crm.getLinkedPeople(request: GetLinkedPeople(subject: subject))
    }

    /// A receipt of what a person allowed; `missing` names what the definitions lack.
    public func receipt(
        for subject: RecordRef, format: ReceiptFormat = .dpv, purpose: String? = nil
    ) throws -> ConsentReceipt {
        try crm.makeReceipt(
            request: GetReceipt(subject: subject, format: format, purpose: purpose))
    }

    /// The proof of a decision: its events, the texts, and the chain of the journal up to a head.
    public func prove(_ question: MayContact, head: Int64? = nil) throws -> ConsentProof {
        try crm.proveDecision(request: ProveDecision(question: question, head: head))
    }

    /// Checks a proof by itself, without the file that it is about.
    public func checkProof(_ document: String, head: String? = nil) throws -> CheckedProof {
        try crm.checkProof(request: CheckProof(document: document, head: head))
    }

    /// What a person may choose in a preference centre, and has chosen.
    public func preferences(
        of subject: RecordRef, contactPoint: String? = nil
    ) throws -> Preferences {
        try crm.getPreferences(
            request: GetPreferences(subject: subject, contactPoint: contactPoint))
    }

    /// Records what a person chose, as far as it differs from before.
    @discardableResult
    public func set(_ preferences: SetPreferences) throws -> Preferences {
        try crm.setPreferences(request: preferences)
    }

    /// Channels, parties, purposes, policies and versions of texts.
    public func definitions() throws -> ConsentDefinitions {
        try crm.listConsentDefinitions(request: Empty())
    }

    /// Defines a way to reach people, or changes one.
    @discardableResult
    public func define(_ channel: Channel) throws -> Channel {
        try crm.defineChannel(request: channel)
    }

    /// Defines a controller or a processor, or changes one.
    @discardableResult
    public func define(_ party: Party) throws -> Party {
        try crm.defineParty(request: party)
    }

    /// Defines what the law of a place, or the house, asks for, or changes it.
    @discardableResult
    public func define(_ policy: ConsentPolicy) throws -> ConsentPolicy {
        try crm.definePolicy(request: policy)
    }

    /// Defines what people are contacted for, or changes it.
    @discardableResult
    public func define(_ purpose: Purpose) throws -> Purpose {
        try crm.definePurpose(request: purpose)
    }

    /// Publishes a text that people are shown; another text is the next version.
    @discardableResult
    public func publish(
        _ name: String, _ language: String, _ text: String, asksAgain: Bool = false
    ) throws -> Notice {
        try crm.publishNotice(
            request: PublishNotice(
                name: name, language: language, text: text, asksAgain: asksAgain))
    }

    /// A version of a text; the latest if none is named.
    public func notice(
        _ name: String, language: String? = nil, version: Int64? = nil
    ) throws -> Notice {
        try crm.getNotice(request: GetNotice(name: name, language: language, version: version))
    }
}
