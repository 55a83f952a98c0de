import Crm
import Foundation
import XCTest

final class SearchTests: XCTestCase {
    func testWordsPhrasesAndBeginningsAreFound() throws {
        let crm = try Crm.open(":memory:")
        try crm.define(
            "book",
            [Attribute("title", .text, searched: true), Attribute("text", .longText, searched: true)])
        let books = crm.records("book")
        let emma = try books.create(["title": "Emma", "text": "Miss Woodhouse of Highbury"])
        _ = try books.create(["title": "Persuasion", "text": "Miss Elliot"])
        let page = try crm.search("EMMA wood", prefix: true)
        XCTAssertEqual(page.hits.map { $0.record?.id }, [emma.id])
        XCTAssertEqual(page.hits[0].attribute, "title")
        XCTAssertEqual(page.hits[0].snippet.marked("[", "]"), "[Emma]")
        XCTAssertEqual(try crm.search("emma wood").hits.count, 0)
        XCTAssertEqual(try crm.search("\"miss woodhouse\"").hits.count, 1)
        let first = try crm.search("miss", limit: 1)
        let second = try crm.search("miss", after: first.next, limit: 1)
        XCTAssertEqual(Set((first.hits + second.hits).map { $0.record?.id }).count, 2)
        XCTAssertNil(second.next)
        XCTAssertThrowsError(try crm.search("-")) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_argument")
        }
    }

    func testActivitiesAreFound() throws {
        let crm = try Crm.open(":memory:")
        let ann = try crm.contacts.create(["given_name": "Ann"])
        _ = try crm.defineActivityKind(
            request: DefineActivityKind(
                name: "talk", properties: [Attribute("memo", .text, searched: true)]))
        let subject = RecordRef(entityType: "contact", id: ann.id)
        let at = Date(timeIntervalSince1970: 1_700_000_000)
        _ = try crm.recordActivity(
            request: NewActivity(
                kind: "talk", at: at, subject: subject, properties: ["memo": "Müller called"]))
        let hits = try crm.search("muller", items: [.activity]).hits
        XCTAssertEqual(hits.count, 1)
        XCTAssertEqual(hits[0].record, subject)
        XCTAssertEqual(hits[0].activity?.at, at)
        XCTAssertEqual(hits[0].snippet.marked("[", "]"), "[Müller] called")
    }
}
