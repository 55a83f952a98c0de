import Crm
import Foundation
import XCTest

final class RulesTests: XCTestCase {
    func testARuleDoesWhatItSaysAndItsRunsAreRead() throws {
        let crm = try Crm.open(":memory:")
        try crm.lifecycles.define(preset: .contact)
        _ = try crm.definePreset(request: DefinePreset(preset: .task))
        let actions: [RuleAction] = [
            .set("locale", to: "de"), .calculate("source", "concat(given_name, \"!\")"),
            .move(to: "lead", in: "contact"), .task("Call", dueIn: "2d"),
            .emit("welcome", "given_name"),
        ]
        let defined = try crm.rules.define(
            "german", of: "contact", on: .changed("country", to: "DE"), actions,
            where: field("locale").isMissing)
        XCTAssertTrue(defined.isSaved)
        XCTAssertEqual(try crm.rules.get("german").actions, actions)
        let ann = try crm.contacts.create(["given_name": "Ann", "country": "DE"])
        XCTAssertEqual(ann.values["source"]?.string, "Ann!")
        let runs = try crm.rules.runs("german", of: ann.id).runs
        XCTAssertEqual(runs.map(\.event.kind), [.attributeChanged])
        XCTAssertEqual(runs[0].actions.map(\.outcome), Array(repeating: .done, count: 5))
        XCTAssertNotNil(try crm.rules.archive("german").archivedAt)
        try crm.rules.restore("german")
        XCTAssertEqual(try crm.rules.list().count, 1)
    }

    func testARuleWaitsForASegmentAndAddsToAListAndToAScore() throws {
        let crm = try Crm.open(":memory:")
        try crm.segments.define("german", of: "contact", where: "country = \"DE\"")
        try crm.segments.define("calls", of: "contact", kind: .static)
        let german = ScoreRule(
            name: "german", condition: "country = \"DE\"", points: 20)
        try crm.scores.define("fit", of: "contact", [ScoreGroup(name: "fit", rules: [german])])
        try crm.scores.publish("fit")
        let actions: [RuleAction] = [
            .add(to: "calls", reason: "speaks German"), .points(5, to: "fit", reason: "asked"),
        ]
        try crm.rules.define("call", of: "contact", on: .entered(segment: "german"), actions)
        try crm.rules.define(
            "rest", of: "contact", on: .left(segment: "german"), [.remove(from: "calls")])
        XCTAssertEqual(try crm.rules.get("call").actions, actions)
        let ann = try crm.contacts.create(["given_name": "Ann", "country": "DE"]).id
        XCTAssertEqual(try crm.rules.runs("call").runs.map(\.event.segment), ["german"])
        let told = try crm.scores.explain(ann, in: "fit").contributions
        XCTAssertEqual(told.last?.added?.reason, "asked")
        let less = try crm.scores.add(-5, to: ann, in: "fit", reason: "too much")
        XCTAssertEqual(less.record.score, 20_000)
        XCTAssertThrowsError(
            try crm.rules.define("late", of: "contact", on: .overdue(in: "leads"), [.emit("late")]))
    }

    func testARuleIsSimulatedAndALoopRefused() throws {
        let crm = try Crm.open(":memory:")
        let ann = try crm.contacts.create(["given_name": "Ann"]).id
        let bea = try crm.contacts.create(["given_name": "Bea"]).id
        let rule = DefineRule(
            name: "named", entityType: "contact", on: .date("birthday", before: "P7D"),
            condition: "given_name = \"Ann\"", actions: [.emit("soon")])
        let simulated = try crm.rules.simulate(rule, with: [ann, bea])
        XCTAssertEqual(simulated.records.map(\.wouldRun), [true, false])
        XCTAssertTrue(try crm.rules.list().isEmpty)
        XCTAssertThrowsError(
            try crm.rules.define(
                "loop", of: "contact", on: .changed("source"), [.set("source", to: "x")])
        ) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_argument")
        }
    }
}
