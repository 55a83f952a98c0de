import Crm
import Foundation
import XCTest

final class LifecyclesTests: XCTestCase {
    private func day(_ number: Int) -> Date {
        Date(timeIntervalSince1970: 1_704_067_200 + Double(number) * 86_400)
    }

    func testARecordGoesThroughItsStages() throws {
        let crm = try Crm.open(":memory:")
        let lifecycles = crm.lifecycles
        try lifecycles.define(preset: .deal)
        let deal = try crm.deals.create(["name": "Ten chairs"]).id
        XCTAssertTrue(try lifecycles.move(deal, in: "deal", to: "proposal").isMoved)
        XCTAssertThrowsError(try lifecycles.move(deal, in: "deal", to: "prospecting")) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "refused")
        }
        try lifecycles.move(deal, in: "deal", to: "lost", reason: "price")
        XCTAssertEqual(try lifecycles.move(deal, in: "deal", to: "negotiation").standing.cycle, 2)
        let put = try lifecycles.reset(deal, in: "deal", to: "qualification", reason: "too early")
        XCTAssertEqual(put.standing.reached, "negotiation")
        let causes = try lifecycles.history(deal, in: "deal").visits.map(\.cause)
        XCTAssertEqual(Array(causes.prefix(3)), [.initial, .implied, .manual])
    }

    func testWhatHappensMovesARecordAndIsTold() throws {
        let crm = try Crm.open(":memory:")
        let lifecycles = crm.lifecycles
        _ = try crm.defineActivityKind(request: DefineActivityKind(name: "signup"))
        try lifecycles.define(
            "club", of: "contact",
            ["guest", Stage("member", guard: field("given_name").isSet), Stage("fan", .won)],
            triggers: [StageTrigger(to: "member", activity: "signup")])
        let ann = try crm.contacts.create(["given_name": "Ann"]).id
        let signup = NewActivity(
            kind: "signup", at: day(0), subject: RecordRef(entityType: "contact", id: ann))
        let recorded = try crm.recordActivity(request: signup).activity.id
        XCTAssertEqual(try lifecycles.history(ann, in: "club").visits.last?.activityId, recorded)
        try lifecycles.move(ann, in: "club", to: "fan")
        _ = try crm.recordActivity(request: signup)
        let kept = try lifecycles.history(ann, in: "club").suppressed
        XCTAssertEqual(kept.map(\.to), ["member"])
        XCTAssertEqual(kept.map(\.by), [.earlier])
        XCTAssertEqual(try crm.contacts.count(where: stage("club") >= "member"), 1)
    }

    func testReadsTellOfMany() throws {
        let crm = try Crm.open(":memory:")
        let lifecycles = crm.lifecycles
        try lifecycles.define("way", of: "contact", ["lead", "mql", "sql"])
        let ann = try crm.contacts.create(["given_name": "Ann"]).id
        let bob = try crm.contacts.create(["given_name": "Bob"]).id
        for (id, days) in [(ann, [0, 2, 3]), (bob, [0, 6])] {
            for (to, number) in zip(["lead", "mql", "sql"], days) {
                try lifecycles.move(id, in: "way", to: to, at: day(number))
            }
        }
        let funnel = try lifecycles.funnel("way", from: day(0), until: day(1))
        XCTAssertEqual(funnel.stages.map(\.reached), [2, 2, 1])
        XCTAssertNil(try lifecycles.times(bob, in: "way", at: day(8)).stages[1].latestMicros)
        let stuck = try lifecycles.stuck("way", longerThan: .days(1), stages: ["mql"], at: day(8))
        XCTAssertEqual(stuck.records.map(\.id), [bob])
        let clock = try lifecycles.acceptance("way", stage: "mql", within: "PT36H", at: day(8))
        XCTAssertEqual(clock.overdue, 1)
        let told = try lifecycles.explain(bob, in: "way").text
        XCTAssertTrue(told.hasPrefix("It stands on mql since 2024-01-07"), told)
        XCTAssertTrue(try lifecycles.draw("way", as: .dot).hasPrefix("digraph"))
        let tried = try lifecycles.define(
            "way", of: "contact", ["lead", "sql"], map: ["mql": "lead"], dryRun: true)
        XCTAssertEqual(tried.remapped.map(\.records), [2])
        XCTAssertEqual(try lifecycles.get("way").stages.count, 3)
    }
}
