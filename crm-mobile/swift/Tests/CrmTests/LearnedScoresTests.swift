import Crm
import Foundation
import XCTest

final class LearnedScoresTests: XCTestCase {
    private let recipe = TrainLearnedScore(
        name: "has_phone", entityType: "company", outcome: .when("phone is set"),
        algorithm: .logistic, fields: ["employees"])

    /// Of 200 companies half are large, and half of those get a telephone number after the moment that is
    /// returned.
    private func filled() throws -> (crm: Crm, ids: [RecordId], asOf: Date) {
        let replay = Replay(start: Date(timeIntervalSince1970: 1_767_225_600), stepMicros: 1000)
        let crm = try Crm.open(":memory:", replay: replay)
        var ids: [RecordId] = []
        for place in 0..<200 {
            let employees: Value = place % 2 == 1 ? 500 : 5
            let company = try crm.companies.create([
                "name": .text("C\(place)"), "employees": employees,
            ])
            ids.append(company.id)
        }
        let asOf = try crm.contacts.create(["given_name": "Clock"]).createdAt
        for (place, id) in ids.enumerated() where place % 4 == 1 {
            _ = try crm.companies.patch(id, ["phone": "+4930901820"])
        }
        return (crm, ids, asOf)
    }

    func testAScoreIsLearnedAndExplainedToTheLastBit() throws {
        let (crm, ids, _) = try filled()
        let learned = crm.learnedScores
        XCTAssertEqual(try learned.findLeaks(recipe).leaks, [])
        let score = try learned.train(recipe)
        XCTAssertEqual(score.version, 1)
        XCTAssertGreaterThan(try XCTUnwrap(score.quality?.auc), 0.6)
        XCTAssertEqual(try learned.get("has_phone", version: 1), score)
        let told = try learned.explain(ids[1], in: "has_phone")
        XCTAssertEqual(
            told.intercept + told.contributions.map(\.logOdds).reduce(0, +), told.logOdds)
        let top = try learned.rank("has_phone", where: "employees = 500", limit: 3)
        XCTAssertEqual(top.records, 100)
        XCTAssertEqual(
            top.top.map(\.probability), Array(repeating: told.probability, count: 3))
    }

    func testATrainingThatIsCancelledSavesNothing() throws {
        let (crm, _, _) = try filled()
        XCTAssertThrowsError(try crm.learnedScores.train(recipe) { _ in false }) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "interrupted")
        }
        XCTAssertTrue(try crm.learnedScores.list().isEmpty)
    }

    func testAnArchivedScoreScoresNobody() throws {
        let (crm, ids, _) = try filled()
        try crm.learnedScores.train(recipe)
        try crm.learnedScores.archive("has_phone")
        XCTAssertThrowsError(try crm.learnedScores.explain(ids[0], in: "has_phone")) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "archived")
        }
        try crm.learnedScores.restore("has_phone")
        XCTAssertEqual(try crm.learnedScores.list().count, 1)
    }

    func testAScoreOfRulesIsTestedAsOfAMoment() throws {
        let (crm, _, asOf) = try filled()
        let large = ScoreRule(name: "large", condition: "employees >= 100", points: 20)
        try crm.scores.define("size", of: "company", [ScoreGroup(name: "all", rules: [large])])
        try crm.scores.publish("size")
        let told = try crm.learnedScores.backtest(
            "company", .when("phone is set"), .model("size"), asOf: asOf,
            other: .attribute("employees"))
        // Of 150 without a number 100 are smaller and 50 as large: (100 + 25) / 150.
        XCTAssertEqual(try XCTUnwrap(told.quality.auc), 125.0 / 150.0, accuracy: 1e-12)
        XCTAssertEqual(told.comparison?.difference, 0)
        XCTAssertThrowsError(
            try crm.learnedScores.backtest(
                "company", .when("phone is set"), .model("size", version: 9), asOf: asOf)
        ) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "not_found")
        }
        try crm.learnedScores.train(recipe)
        XCTAssertThrowsError(
            try crm.learnedScores.backtest(
                "company", .when("phone is set"), .learned("has_phone"), asOf: asOf)
        ) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "refused")
        }
    }
}
