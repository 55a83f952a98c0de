import Crm
import Foundation
import XCTest

final class ScoresTests: XCTestCase {
    func testWhatARecordScoresIsExplainedToTheLastPoint() throws {
        let crm = try Crm.open(":memory:")
        let scores = crm.scores
        let german = ScoreRule(name: "german", condition: "country = \"DE\"", points: 20)
        let named = ScoreRule(name: "named", condition: "given_name is set", points: 7)
        try scores.define(
            "fit", of: "contact", [ScoreGroup(name: "fit", rules: [german, named])],
            thresholds: [ScoreLevel(name: "warm", atLeast: 10)])
        try scores.publish("fit")
        let ann = try crm.contacts.create(["given_name": "Ann", "country": "DE"]).id
        let explained = try scores.explain(ann, in: "fit")
        XCTAssertEqual(explained.record.score, 27_000)
        XCTAssertEqual(explained.contributions.map(\.afterTotal).reduce(0, +), 27_000)
        XCTAssertEqual(try scores.history(ann, in: "fit").crossings.map(\.threshold), ["warm"])
        XCTAssertTrue(try scores.rescore("fit").isComplete)
        XCTAssertEqual(try scores.ranking("fit").records.map(\.id), [ann])
        XCTAssertThrowsError(try scores.read(ann, in: "fat")) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "not_found")
        }
    }

    func testADraftIsTriedOutAndRecordsAreScoredWithProgress() throws {
        let crm = try Crm.open(":memory:")
        let scores = crm.scores
        func named(_ points: Int64) -> ScoreGroup {
            let rule = ScoreRule(name: "named", condition: "given_name is set", points: points)
            return ScoreGroup(name: "fit", rules: [rule])
        }
        try scores.define("fit", of: "contact", [named(7)])
        try scores.publish("fit")
        let ann = try crm.contacts.create(["given_name": "Ann"]).id
        try scores.define("fit", of: "contact", [named(9)])
        XCTAssertEqual(try scores.read(ann, in: "fit").record.score, 7_000)
        XCTAssertEqual(try scores.read(ann, in: "fit", version: 2).record.score, 9_000)
        try scores.publish("fit")
        XCTAssertEqual(try scores.get("fit", version: 1).state, .retired)
        let isTold = expectation(description: "progress")
        isTold.assertForOverFulfill = false
        let report = try scores.rescore("fit") { progress in
            if progress.done == 1 { isTold.fulfill() }
            return true
        }
        XCTAssertEqual(report.records, 1)
        wait(for: [isTold], timeout: 1)
        try scores.retire("fit")
        XCTAssertThrowsError(try scores.ranking("fit"))
    }
}
