import Crm
import Foundation
import XCTest

final class ConsentsTests: XCTestCase {
    private func begin(_ crm: Crm, _ policy: String = "eu_general") throws -> RecordRef {
        try crm.consents.publish("news", "en", "Once a week.")
        try crm.consents.define(
            Purpose(name: "news", channels: ["email"], policy: policy, notice: "news"))
        let ann = try crm.contacts.create(["given_name": "Ann"]).id
        return RecordRef(entityType: "contact", id: ann)
    }

    func testADecisionHasItsReasonsAndItsToken() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm)
        let grant = try crm.consents.grant(ann, "email", "news")
        let allowed = try crm.consents.mayContact(ann, "email", "news")
        XCTAssertEqual(allowed.evidence, [grant.id])
        let use = UseConsent(subject: ann, channel: "email", purpose: "news", token: allowed.token)
        XCTAssertEqual(try crm.consents.record(use: use).permittedBy, grant.id)
        XCTAssertThrowsError(try crm.consents.record(use: use)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "stale_version")
        }
        try crm.consents.withdraw(ann, channel: "email")
        let denied = try crm.consents.mayContact(ann, "email", "news", language: "de")
        XCTAssertEqual(denied.reasons.map(\.reason), [.withdrawnChannel])
        XCTAssertEqual(
            denied.reasons.map(\.text), ["Die Person hat sich von diesem Kanal abgemeldet."])
        let kinds = try crm.consents.history(of: ann).events.map(\.kind)
        XCTAssertEqual(kinds, [.granted, .used, .withdrawn])
    }

    func testAMailingTakesThreeCalls() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm)
        let other = RecordRef(
            entityType: "contact", id: try crm.contacts.create(["given_name": "Bob"]).id)
        let people = [ann, other]
        var granted = people.enumerated().map {
            NewConsent(
                kind: .granted, subject: $1, channel: "email", purpose: "news",
                contactPoint: "\($0)@example.org", method: .form)
        }
        granted.append(
            NewConsent(
                kind: .granted, subject: ann, channel: "email", purpose: "new",
                contactPoint: "0@example.org", method: .form))
        let report = try crm.consents.record(granted)
        XCTAssertEqual(report.outcomes[2].problem?.kind, "not_found")
        let page = try crm.consents.mayContact(
            DecideMany(entityType: "contact", channel: "email", purpose: "news", withTokens: true))
        XCTAssertEqual(page.decisions.map(\.contactPoint), ["0@example.org", "1@example.org"])
        let uses = zip(people, page.decisions).map {
            UseConsent(subject: $0, channel: "email", purpose: "news", token: $1.token ?? "")
        }
        XCTAssertEqual(try crm.consents.record(uses: uses).failed, 0)
        XCTAssertEqual(try crm.consents.record(uses: uses).failed, 2)
    }

    func testADoubleOptInIsConfirmedOnce() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm, "eu_strict")
        let waiting = try crm.consents.request(
            RequestConsent(
                subject: ann, channel: "email", contactPoint: "ann@example.org", purpose: "news"))
        XCTAssertEqual(try crm.consents.confirm(waiting.token).kind, .confirmed)
        XCTAssertThrowsError(try crm.consents.confirm(waiting.token))
        XCTAssertEqual(
            try crm.contacts.count(where: consent(channel: "email", purpose: "news")), 1)
    }

    func testAWithdrawalReachesEveryRecordOfAPersonAndIsProven() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm)
        let other = RecordRef(
            entityType: "contact", id: try crm.contacts.create(["given_name": "A."]).id)
        try crm.consents.grant(ann, "email", "news")
        try crm.consents.withdraw(other, channel: "email")
        try crm.consents.link(ann, other)
        let denied = try crm.consents.mayContact(ann, "email", "news")
        XCTAssertEqual(denied.reasons.map(\.reason), [.withdrawnChannel])
        let proof = try crm.consents.prove(
            MayContact(subject: ann, channel: "email", purpose: "news"))
        let checked = try crm.consents.checkProof(proof.document, head: proof.head)
        XCTAssertTrue(checked.isValid)
        XCTAssertEqual(checked.events, 2)
        XCTAssertEqual(try crm.consents.linked(other).links.count, 1)
        try crm.consents.unlink(other, ann)
        XCTAssertTrue(try crm.consents.mayContact(ann, "email", "news").isAllowed)
    }

    func testAPersonSeesWhatIsKnownAndGetsAReceipt() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm)
        try crm.consents.grant(ann, "email", "news", contactPoint: "ann@example.org")
        let receipt = try crm.consents.receipt(for: ann)
        XCTAssertTrue(receipt.document.contains("ann@example.org"))
        XCTAssertTrue(receipt.missing.contains("purposes.news.processing.jurisdiction"))
        let report = try crm.privacy.access(ann)
        XCTAssertEqual(report.text?.contains("\"Ann\""), true)
        XCTAssertEqual(report.tables.first { $0.name == "crm_consent_event" }?.rows, 1)
        XCTAssertEqual(try crm.privacy.register().entries.map(\.purpose), ["news"])
    }

    func testWhatIsDueForReviewIsToldAndNothingIsDone() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm)
        try crm.privacy.defineRetention(
            "kept", of: "contact", for: "P1D", from: .created, where: "given_name is set")
        XCTAssertEqual(try crm.privacy.retentions().map(\.name), ["kept"])
        let later = Date(timeIntervalSince1970: 32_503_680_000)
        XCTAssertEqual(try crm.privacy.dueForReview(at: later).due.first?.subject, ann)
        XCTAssertTrue(try crm.privacy.dueForReview().due.isEmpty)
        try crm.privacy.removeRetention("kept")
        XCTAssertTrue(try crm.privacy.dueForReview(at: later).due.isEmpty)
    }

    func testChoicesGoInAndOut() throws {
        let crm = try Crm.open(":memory:")
        let ann = try begin(crm)
        let choice = PreferenceChoice(purpose: "news", channel: "email", isChosen: true)
        let chosen = try crm.consents.set(SetPreferences(subject: ann, choices: [choice]))
        XCTAssertEqual(chosen.purposes.first?.channels.first?.isChosen, true)
        let link = try crm.consents.unsubscribeLink(
            NewUnsubscribeLink(subject: ann, channel: "email", url: "https://example.org"))
        XCTAssertFalse(try crm.consents.unsubscribe(link.token, method: "GET").isWithdrawn)
        XCTAssertTrue(try crm.consents.unsubscribe(link.token).isWithdrawn)
        let left = try crm.consents.preferences(of: ann)
        XCTAssertEqual(left.purposes.first?.channels.first?.isChosen, false)
    }
}
