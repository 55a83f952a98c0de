import Crm
import Foundation
import XCTest

final class JournalTests: XCTestCase {
    func testAHeadThatWasKeptLiesOnTheChain() throws {
        let crm = try Crm.open(":memory:")
        let kept = try crm.journal.head()
        _ = try crm.companies.create(["name": "Acme"])
        let report = try crm.journal.verify(through: kept)
        XCTAssertTrue(report.isOk)
        XCTAssertEqual(report.head.seq, kept.seq + 1)
        XCTAssertEqual(report.leadsThroughHead, true)
        XCTAssertNil(try crm.journal.verify().leadsThroughHead)
        let other = JournalHead(seq: kept.seq, hlc: kept.hlc, hash: String(repeating: "0", count: 64))
        XCTAssertFalse(try crm.journal.verify(through: other).isOk)
    }

    func testAProofShowsWhatItIsAbout() throws {
        let crm = try Crm.open(":memory:")
        _ = try crm.companies.create(["name": "Acme"])
        let head = try crm.journal.head()
        let proof = try crm.journal.prove([head.seq])
        XCTAssertEqual(proof.head, head)
        XCTAssertEqual(proof.links[0].content?.body, "{\"name\":\"Acme\"}")
    }
}
