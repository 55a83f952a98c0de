import Crm
import Foundation
import XCTest

final class FeedTests: XCTestCase {
    func testWhatIsNotAcknowledgedComesAgain() throws {
        let crm = try Crm.open(":memory:")
        let feed = crm.feed("queue")
        let start = Int64(try crm.stats(request: Empty()).changes)
        try feed.acknowledge(start)
        let ids = try ["One", "Two"].map { try crm.companies.create(["name": .text($0)]).id }
        XCTAssertEqual(try feed.page().changes.map(\.recordId), ids)
        try feed.acknowledge(start + 1)
        XCTAssertEqual(try feed.page().changes.map(\.recordId), Array(ids.dropFirst()))
        XCTAssertEqual(try crm.consumers().map(\.lag), [1])
        XCTAssertThrowsError(try feed.acknowledge(start)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "stale_version")
        }
        try feed.remove()
        XCTAssertEqual(try feed.page(limit: 1).next, 1)
    }

    func testAnEventIsItsJson() throws {
        let crm = try Crm.open(":memory:")
        let feed = crm.feed("queue")
        try feed.acknowledge(Int64(try crm.stats(request: Empty()).changes))
        let acme = try crm.companies.create(["name": "Acme"])
        let page = try feed.events()
        let event = try JSONSerialization.jsonObject(with: Data(page.events[0].utf8))
        XCTAssertEqual((event as? [String: Any])?["subject"] as? String, "company/\(acme.id)")
        XCTAssertEqual(try feed.acknowledge(page.next).lag, 0)
    }
}
