import Crm
import Foundation

// The branches of consent.

extension Json {
    fileprivate func person() throws -> RecordRef {
        _ = try only("type", "id")
        return RecordRef(entityType: try string("type"), id: try string("id"))
    }

    fileprivate func real(_ key: String, _ usual: Double?) throws -> Double {
        switch self[key] {
        case .integer(let number): return Double(number)
        case .number(let number): return number
        default: return try wanted(usual)
        }
    }

    fileprivate func one<T: CaseIterable>(_ type: T.Type, _ key: String) throws -> T {
        let name = self[key]
        return try wanted(type.allCases.first { named($0) == name })
    }

    fileprivate func consentKind(_ key: String) throws -> ConsentKind {
        try one(ConsentKind.self, key)
    }

    fileprivate func consentMethod(_ key: String) throws -> ConsentMethod {
        try self[key].isNull ? .api : one(ConsentMethod.self, key)
    }

    fileprivate func consentRegime(_ key: String) throws -> ConsentRegime {
        try one(ConsentRegime.self, key)
    }

    fileprivate func legalBasis(_ key: String) throws -> LegalBasis {
        try one(LegalBasis.self, key)
    }

    fileprivate func medium(_ key: String) throws -> Medium { try one(Medium.self, key) }

    fileprivate func partyRole(_ key: String) throws -> PartyRole { try one(PartyRole.self, key) }

    fileprivate func basisFacts() throws -> BasisFacts {
        _ = try only(
            "reference", "sale", "similar_goods", "told_at_collection")
        return BasisFacts(
            reference: self["reference"].text,
            sale: self["sale"].text,
            similarGoods: self["similar_goods"].text,
            toldAtCollection: self["told_at_collection"].bool ?? false)
    }

    fileprivate func channel() throws -> Channel {
        _ = try only(
            "name", "medium", "label", "weight")
        return Channel(
            name: try string("name"),
            medium: try medium("medium"),
            label: self["label"].text ?? "",
            weight: try real("weight", 1.0))
    }

    fileprivate func channelRule() throws -> ChannelRule {
        _ = try only(
            "channel", "regime", "double_opt_in", "existing_customers",
            "legitimate_interest", "lapses_after", "warns_before", "retention", "quiet",
            "caps", "valid_for")
        return ChannelRule(
            channel: self["channel"].text ?? "",
            regime: try consentRegime("regime"),
            doubleOptIn: self["double_opt_in"].bool ?? false,
            existingCustomers: self["existing_customers"].bool ?? false,
            legitimateInterest: self["legitimate_interest"].bool ?? false,
            lapsesAfter: self["lapses_after"].text,
            warnsBefore: self["warns_before"].text,
            retention: self["retention"].text,
            quiet: try self["quiet"].isNull ? nil : self["quiet"].quietHours(),
            caps: try list("caps") { try $0.contactCap() },
            validFor: self["valid_for"].text)
    }

    fileprivate func confirmConsent() throws -> ConfirmConsent {
        _ = try only(
            "token", "language", "evidence")
        return ConfirmConsent(
            token: try string("token"),
            language: self["language"].text,
            evidence: try self["evidence"].isNull ? nil : self["evidence"].consentEvidence())
    }

    fileprivate func consentEvidence() throws -> ConsentEvidence {
        _ = try only(
            "reference", "url", "ip", "user_agent", "session", "note")
        return ConsentEvidence(
            reference: self["reference"].text,
            url: self["url"].text,
            ip: self["ip"].text,
            userAgent: self["user_agent"].text,
            session: self["session"].text,
            note: self["note"].text)
    }

    fileprivate func consentPolicy() throws -> ConsentPolicy {
        _ = try only(
            "name", "label", "rules", "confirms_within", "guards_minors", "pressure")
        return ConsentPolicy(
            name: try string("name"),
            label: self["label"].text ?? "",
            rules: try list("rules") { try $0.channelRule() },
            confirmsWithin: self["confirms_within"].text ?? "P2D",
            guardsMinors: self["guards_minors"].bool ?? true,
            pressure: try self["pressure"].isNull ? nil : self["pressure"].contactPressure())
    }

    fileprivate func contactCap() throws -> ContactCap {
        _ = try only(
            "most", "within")
        return ContactCap(
            most: UInt32(try wanted(self["most"].integer)),
            within: try string("within"))
    }

    fileprivate func contactFrequency() throws -> ContactFrequency {
        _ = try only(
            "most", "within")
        return ContactFrequency(
            most: UInt32(try wanted(self["most"].integer)),
            within: try string("within"))
    }

    fileprivate func contactPressure() throws -> ContactPressure {
        _ = try only(
            "limit", "half_life_days")
        return ContactPressure(
            limit: try real("limit", nil),
            halfLifeDays: UInt32(try wanted(self["half_life_days"].integer)))
    }

    fileprivate func decideMany() throws -> DecideMany {
        _ = try only(
            "type", "channel", "purpose", "where", "at", "zone", "after", "limit", "with_tokens")
        return DecideMany(
            entityType: try string("type"),
            channel: try string("channel"),
            purpose: try string("purpose"),
            condition: try condition("where"),
            at: try moment("at"),
            zone: self["zone"].text,
            after: self["after"].text,
            limit: limit("limit", 100),
            withTokens: self["with_tokens"].bool ?? false)
    }

    fileprivate func getConsents() throws -> GetConsents {
        _ = try only(
            "subject", "after", "limit")
        return GetConsents(
            subject: try self["subject"].person(),
            after: self["after"].integer ?? 0,
            limit: limit("limit", 100))
    }

    fileprivate func getNotice() throws -> GetNotice {
        _ = try only(
            "name", "language", "version")
        return GetNotice(
            name: try string("name"),
            language: self["language"].text,
            version: self["version"].integer)
    }

    fileprivate func getPreferences() throws -> GetPreferences {
        _ = try only(
            "subject", "contact_point")
        return GetPreferences(
            subject: try self["subject"].person(),
            contactPoint: self["contact_point"].text)
    }

    func mayContact() throws -> MayContact {
        _ = try only(
            "subject", "channel", "purpose", "contact_point", "at", "zone", "language")
        return MayContact(
            subject: try self["subject"].person(),
            channel: try string("channel"),
            purpose: try string("purpose"),
            contactPoint: self["contact_point"].text,
            at: try moment("at"),
            zone: self["zone"].text,
            language: self["language"].text)
    }

    fileprivate func newConsent() throws -> NewConsent {
        _ = try only(
            "kind", "subject", "channel", "purpose", "controller", "contact_point", "basis",
            "facts", "notice", "notice_version", "language", "method", "source", "at",
            "evidence", "requested_at", "request_evidence", "expires_at", "supersedes",
            "by_guardian", "frequency")
        // Apart from the long call below, for the type checker's sake.
        let basis: LegalBasis? = try self["basis"].isNull ? nil : legalBasis("basis")
        let facts: BasisFacts? = try self["facts"].isNull ? nil : self["facts"].basisFacts()
        let evidence: ConsentEvidence? =
            try self["evidence"].isNull ? nil : self["evidence"].consentEvidence()
        let requestEvidence: ConsentEvidence? =
            try self["request_evidence"].isNull ? nil : self["request_evidence"].consentEvidence()
        let supersedes: [RecordId]? =
            try self["supersedes"].isNull ? nil : list("supersedes") { try $0.wanted($0.text) }
        let frequency: ContactFrequency? =
            try self["frequency"].isNull ? nil : self["frequency"].contactFrequency()
        return NewConsent(
            kind: try consentKind("kind"),
            subject: try self["subject"].person(),
            channel: self["channel"].text,
            purpose: self["purpose"].text,
            controller: self["controller"].text,
            contactPoint: self["contact_point"].text,
            basis: basis,
            facts: facts,
            notice: self["notice"].text,
            noticeVersion: self["notice_version"].integer,
            language: self["language"].text,
            method: try consentMethod("method"),
            source: self["source"].text,
            at: try moment("at"),
            evidence: evidence,
            requestedAt: try moment("requested_at"),
            requestEvidence: requestEvidence,
            expiresAt: try moment("expires_at"),
            supersedes: supersedes,
            byGuardian: self["by_guardian"].bool ?? false,
            frequency: frequency)
    }

    fileprivate func newUnsubscribeLink() throws -> NewUnsubscribeLink {
        _ = try only(
            "subject", "channel", "purpose", "contact_point", "url")
        return NewUnsubscribeLink(
            subject: try self["subject"].person(),
            channel: try string("channel"),
            purpose: self["purpose"].text,
            contactPoint: self["contact_point"].text,
            url: try string("url"))
    }

    fileprivate func party() throws -> Party {
        _ = try only(
            "name", "role", "label", "address", "contact", "country", "email", "phone", "url")
        return Party(
            name: try string("name"),
            role: try partyRole("role"),
            label: self["label"].text ?? "",
            address: self["address"].text ?? "",
            contact: self["contact"].text ?? "",
            country: self["country"].text ?? "",
            email: self["email"].text ?? "",
            phone: self["phone"].text ?? "",
            url: self["url"].text ?? "")
    }

    fileprivate func preferenceChoice() throws -> PreferenceChoice {
        _ = try only(
            "purpose", "channel", "is_chosen")
        return PreferenceChoice(
            purpose: try string("purpose"),
            channel: try string("channel"),
            isChosen: try wanted(self["is_chosen"].bool))
    }

    fileprivate func preferences() throws -> Preferences {
        _ = try only(
            "subject", "purposes", "is_opted_out", "paused_until", "frequency",
            "preferred_channel", "confirmations", "token")
        let frequency: ContactFrequency? =
            try self["frequency"].isNull ? nil : self["frequency"].contactFrequency()
        return Preferences(
            subject: try self["subject"].person(),
            purposes: try list("purposes") { try $0.purposePreference() },
            isOptedOut: try wanted(self["is_opted_out"].bool),
            pausedUntil: try moment("paused_until"),
            frequency: frequency,
            preferredChannel: self["preferred_channel"].text,
            confirmations: [],
            token: try string("token"))
    }

    fileprivate func purposePreference() throws -> PurposePreference {
        _ = try only(
            "purpose", "label", "description", "channels")
        return PurposePreference(
            purpose: try string("purpose"),
            label: try string("label"),
            description: try string("description"),
            channels: try list("channels") { try $0.channelPreference() })
    }

    fileprivate func channelPreference() throws -> ChannelPreference {
        _ = try only(
            "channel", "label", "status", "is_chosen")
        return ChannelPreference(
            channel: try string("channel"),
            label: try string("label"),
            status: try one(ConsentStatus.self, "status"),
            isChosen: try wanted(self["is_chosen"].bool))
    }

    fileprivate func publishNotice() throws -> PublishNotice {
        _ = try only(
            "name", "language", "text", "asks_again")
        return PublishNotice(
            name: try string("name"),
            language: try string("language"),
            text: try string("text"),
            asksAgain: self["asks_again"].bool ?? false)
    }

    fileprivate func purpose() throws -> Purpose {
        _ = try only(
            "name", "label", "description", "channels", "policy", "controller",
            "processors", "notice", "is_transactional", "dpv", "is_archived", "processing")
        let processing = try self["processing"].isNull ? nil : self["processing"].processing()
        return Purpose(
            name: try string("name"),
            label: self["label"].text ?? "",
            description: self["description"].text ?? "",
            channels: try list("channels") { try $0.wanted($0.text) },
            policy: self["policy"].text ?? "eu_strict",
            controller: self["controller"].text,
            processors: try list("processors") { try $0.wanted($0.text) },
            notice: self["notice"].text,
            isTransactional: self["is_transactional"].bool ?? false,
            dpv: self["dpv"].text ?? "",
            isArchived: self["is_archived"].bool ?? false,
            processing: processing)
    }

    fileprivate func quietHours() throws -> QuietHours {
        _ = try only(
            "from", "until", "weekends")
        return QuietHours(
            from: try string("from"),
            until: try string("until"),
            weekends: self["weekends"].bool ?? false)
    }

    fileprivate func requestConsent() throws -> RequestConsent {
        _ = try only(
            "subject", "channel", "contact_point", "purpose", "notice", "language",
            "source", "evidence", "by_guardian", "supersedes")
        let supersedes: [RecordId]? =
            try self["supersedes"].isNull ? nil : list("supersedes") { try $0.wanted($0.text) }
        return RequestConsent(
            subject: try self["subject"].person(),
            channel: try string("channel"),
            contactPoint: try string("contact_point"),
            purpose: try string("purpose"),
            notice: self["notice"].text,
            language: self["language"].text,
            source: self["source"].text,
            evidence: try self["evidence"].isNull ? nil : self["evidence"].consentEvidence(),
            byGuardian: self["by_guardian"].bool ?? false,
            supersedes: supersedes)
    }

    fileprivate func setPreferences() throws -> SetPreferences {
        _ = try only(
            "subject", "contact_point", "choices", "opts_out", "paused_until", "frequency",
            "preferred_channel", "document", "language", "source", "evidence")
        let document: Preferences? =
            try self["document"].isNull ? nil : self["document"].preferences()
        return SetPreferences(
            subject: try self["subject"].person(),
            contactPoint: self["contact_point"].text,
            choices: try list("choices") { try $0.preferenceChoice() },
            optsOut: self["opts_out"].bool ?? false,
            pausedUntil: try moment("paused_until"),
            frequency: try self["frequency"].isNull ? nil : self["frequency"].contactFrequency(),
            preferredChannel: self["preferred_channel"].text,
            document: document,
            language: self["language"].text,
            source: self["source"].text,
            evidence: try self["evidence"].isNull ? nil : self["evidence"].consentEvidence())
    }

    fileprivate func sweepConsents() throws -> SweepConsents {
        _ = try only(
            "limit")
        return SweepConsents(
            limit: limit("limit", 100))
    }

    fileprivate func unsubscribe() throws -> Unsubscribe {
        _ = try only(
            "token", "method", "evidence")
        return Unsubscribe(
            token: try string("token"),
            method: try string("method"),
            evidence: try self["evidence"].isNull ? nil : self["evidence"].consentEvidence())
    }

    fileprivate func useConsent() throws -> UseConsent {
        _ = try only(
            "subject", "channel", "purpose", "contact_point", "token", "at", "zone",
            "told_of_objection", "source", "activity")
        return UseConsent(
            subject: try self["subject"].person(),
            channel: try string("channel"),
            purpose: try string("purpose"),
            contactPoint: self["contact_point"].text,
            token: try string("token"),
            at: try moment("at"),
            zone: self["zone"].text,
            toldOfObjection: self["told_of_objection"].bool ?? false,
            source: self["source"].text,
            activity: self["activity"].text)
    }
}

let consentBranches: [String: Branch] = [
    "channels.define": { crm, given in
        return try crm.defineChannel(request: try given.channel()).json
    },
    "consents.confirm": { crm, given in
        return try crm.confirmConsent(request: try given.confirmConsent()).json
    },
    "consents.decide": { crm, given in
        return try crm.mayContact(request: try given.mayContact()).json
    },
    "consents.decide_many": { crm, given in
        return try crm.mayContactMany(request: try given.decideMany()).json
    },
    "consents.definitions": { crm, given in
        _ = try given.only()
        return try crm.listConsentDefinitions(request: Empty()).json
    },
    "consents.history": { crm, given in
        return try crm.getConsentHistory(request: try given.getConsents()).json
    },
    "consents.preferences": { crm, given in
        return try crm.getPreferences(request: try given.getPreferences()).json
    },
    "consents.record": { crm, given in
        return try crm.recordConsent(request: try given.newConsent()).json
    },
    "consents.record_many": { crm, given in
        let given = try given.only("consents", "all_or_nothing")
        let consents = try given.list("consents") { try $0.newConsent() }
        return try crm.recordConsents(
            request: RecordConsents(
                consents: consents, allOrNothing: given["all_or_nothing"].bool ?? false)
        ).json
    },
    "consents.record_use": { crm, given in
        return try crm.recordConsentUse(request: try given.useConsent()).json
    },
    "consents.record_uses": { crm, given in
        let given = try given.only("uses", "all_or_nothing")
        let uses = try given.list("uses") { try $0.useConsent() }
        return try crm.recordConsentUses(
            request: RecordConsentUses(
                uses: uses, allOrNothing: given["all_or_nothing"].bool ?? false)
        ).json
    },
    "consents.request": { crm, given in
        return try crm.requestConsent(request: try given.requestConsent()).json
    },
    "consents.set_preferences": { crm, given in
        return try crm.setPreferences(request: try given.setPreferences()).json
    },
    "consents.sweep": { crm, given in
        return try crm.sweepConsents(request: try given.sweepConsents()).json
    },
    "consents.unsubscribe": { crm, given in
        return try crm.unsubscribe(request: try given.unsubscribe()).json
    },
    "consents.unsubscribe_link": { crm, given in
        return try crm.makeUnsubscribeLink(request: try given.newUnsubscribeLink()).json
    },
    "notices.get": { crm, given in
        return try crm.getNotice(request: try given.getNotice()).json
    },
    "notices.publish": { crm, given in
        return try crm.publishNotice(request: try given.publishNotice()).json
    },
    "parties.define": { crm, given in
        return try crm.defineParty(request: try given.party()).json
    },
    "policies.define": { crm, given in
        return try crm.definePolicy(request: try given.consentPolicy()).json
    },
    "purposes.define": { crm, given in
        return try crm.definePurpose(request: try given.purpose()).json
    },
]

extension BasisFacts: Wire {
    var json: Json {
        .object([
            "reference": CrmTests.json(reference),
            "sale": CrmTests.json(sale),
            "similar_goods": CrmTests.json(similarGoods),
            "told_at_collection": .bool(toldAtCollection),
        ])
    }
}

extension ChannelPreference: Wire {
    var json: Json {
        .object([
            "channel": .text(channel),
            "label": .text(label),
            "status": named(status),
            "is_chosen": .bool(isChosen),
        ])
    }
}

extension ConsentDecision: Wire {
    var json: Json {
        .object([
            "is_allowed": .bool(isAllowed),
            "basis": basis.map { named($0) } ?? .null,
            "status": named(status),
            "reasons": CrmTests.json(reasons),
            "evidence": .array(evidence.map { .text($0) }),
            "contact_point": CrmTests.json(contactPoint),
            "at": CrmTests.json(at),
            "valid_until": CrmTests.json(validUntil),
            "lapses_at": CrmTests.json(lapsesAt),
            "renew_by": CrmTests.json(renewBy),
            "is_lapsing": .bool(isLapsing),
            "keep_until": CrmTests.json(keepUntil),
            "token": .text(token),
        ])
    }
}

extension ConsentEvent: Wire {
    var json: Json {
        // Apart from the long literal below, for the type checker's sake.
        let restsOn: Json = basis.map { named($0) } ?? .null
        let shown: Json = facts?.json ?? .null
        let proof: Json = evidence?.json ?? .null
        let requestProof: Json = requestEvidence?.json ?? .null
        let requestText: Json =
            requestNotice.map {
                .object([
                    "version": CrmTests.json($0.version), "language": .text($0.language),
                    "sha256": .text($0.sha256),
                ])
            } ?? .null
        let enough: Json = frequency?.json ?? .null
        return .object([
            "id": .text(id),
            "kind": named(kind),
            "subject": subject.json,
            "channel": CrmTests.json(channel),
            "purpose": CrmTests.json(purpose),
            "controller": CrmTests.json(controller),
            "contact_point": CrmTests.json(contactPoint),
            "basis": restsOn,
            "facts": shown,
            "notice": CrmTests.json(notice),
            "notice_version": CrmTests.json(noticeVersion),
            "language": CrmTests.json(language),
            "notice_sha256": CrmTests.json(noticeSha256),
            "method": named(method),
            "source": CrmTests.json(source),
            "occurred_at": CrmTests.json(occurredAt),
            "recorded_at": CrmTests.json(recordedAt),
            "evidence": proof,
            "requested_at": CrmTests.json(requestedAt),
            "request_evidence": requestProof,
            "request_notice": requestText,
            "expires_at": CrmTests.json(expiresAt),
            "supersedes": .array(supersedes.map { .text($0) }),
            "by_guardian": .bool(byGuardian),
            "frequency": enough,
            "permitted_by": CrmTests.json(permittedBy),
            "activity": CrmTests.json(activity),
            "told_of_objection": .bool(toldOfObjection),
        ])
    }
}

extension ConsentEvidence: Wire {
    var json: Json {
        .object([
            "reference": CrmTests.json(reference),
            "url": CrmTests.json(url),
            "ip": CrmTests.json(ip),
            "user_agent": CrmTests.json(userAgent),
            "session": CrmTests.json(session),
            "note": CrmTests.json(note),
        ])
    }
}

extension ConsentHistory: Wire {
    var json: Json {
        .object([
            "events": CrmTests.json(events),
            "next": CrmTests.json(next),
        ])
    }
}

extension ConsentOutcome: Wire {
    var json: Json {
        .object([
            "outcome": .text("\(outcome)"),
            "id": CrmTests.json(id),
            "problem": problem?.json ?? .null,
        ])
    }
}

extension ConsentReport: Wire {
    var json: Json {
        .object([
            "outcomes": CrmTests.json(outcomes),
            "failed": CrmTests.json(failed),
            "is_committed": .bool(isCommitted),
        ])
    }
}

extension ConsentRequest: Wire {
    var json: Json {
        .object([
            "token": .text(token),
            "expires_at": CrmTests.json(expiresAt),
        ])
    }
}

extension ContactFrequency: Wire {
    var json: Json {
        .object([
            "most": .integer(Int64(most)),
            "within": .text(within),
        ])
    }
}

extension DecisionReason: Wire {
    var json: Json {
        .object([
            "reason": named(reason),
            "text": .text(text),
            "events": .array(events.map { .text($0) }),
            "until": CrmTests.json(until),
        ])
    }
}

extension MailHeader: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "value": .text(value),
        ])
    }
}

extension ManyDecisions: Wire {
    var json: Json {
        .object([
            "decisions": CrmTests.json(decisions),
            "allowed": CrmTests.json(allowed),
            "next": CrmTests.json(next),
        ])
    }
}

extension Preferences: Wire {
    var json: Json {
        .object([
            "subject": subject.json,
            "purposes": CrmTests.json(purposes),
            "is_opted_out": .bool(isOptedOut),
            "paused_until": CrmTests.json(pausedUntil),
            "frequency": frequency?.json ?? .null,
            "preferred_channel": CrmTests.json(preferredChannel),
            "confirmations": CrmTests.json(confirmations),
            "token": .text(token),
        ])
    }
}

extension PurposePreference: Wire {
    var json: Json {
        .object([
            "purpose": .text(purpose),
            "label": .text(label),
            "description": .text(description),
            "channels": CrmTests.json(channels),
        ])
    }
}

extension RecordDecision: Wire {
    var json: Json {
        .object([
            "id": .text(id),
            "is_allowed": .bool(isAllowed),
            "reasons": .array(reasons.map { named($0) }),
            "evidence": .array(evidence.map { .text($0) }),
            "against": .array(against.map { .text($0) }),
            "valid_until": CrmTests.json(validUntil),
            "is_lapsing": .bool(isLapsing),
            "contact_point": CrmTests.json(contactPoint),
            "token": CrmTests.json(token),
        ])
    }
}

extension SweptConsents: Wire {
    var json: Json {
        .object([
            "erased_requests": CrmTests.json(erasedRequests),
            "erased_proofs": CrmTests.json(erasedProofs),
            "has_more": .bool(hasMore),
        ])
    }
}

extension UnsubscribeLink: Wire {
    var json: Json {
        .object([
            "token": .text(token),
            "url": .text(url),
            "headers": CrmTests.json(headers),
        ])
    }
}

extension Unsubscribed: Wire {
    var json: Json {
        .object([
            "is_withdrawn": .bool(isWithdrawn),
            "channel": .text(channel),
            "purpose": CrmTests.json(purpose),
            "event": CrmTests.json(event),
        ])
    }
}
