import Crm
import Foundation
import XCTest

final class SegmentsTests: XCTestCase {
    func testALiveSegmentFollowsEachWriteAndSaysWhy() throws {
        let crm = try Crm.open(":memory:")
        let segments = crm.segments
        let ann = try crm.contacts.create(["given_name": "Ann", "country": "DE"]).id
        let bea = try crm.contacts.create(["given_name": "Bea"]).id
        let german = field("country") == "DE"
        XCTAssertEqual(try segments.estimate("contact", where: german).members, 1)
        XCTAssertEqual(try segments.define("german", of: "contact", where: german).members, 1)
        _ = try crm.contacts.patch(bea, ["country": "DE"])
        _ = try crm.contacts.patch(ann, ["country": "FR"])
        XCTAssertEqual(try segments.members(of: "german").members.map(\.id), [bea])
        let why = try segments.explain(ann, in: "german")
        XCTAssertFalse(why.isMember)
        XCTAssertEqual(why.changes.map(\.cause), [.record, .defined])
        XCTAssertEqual(try segments.sizes(of: "german").map(\.size), [1])
    }

    func testMembersOfAStaticSegmentComeByHand() throws {
        let crm = try Crm.open(":memory:")
        let segments = crm.segments
        var ids: [RecordId] = []
        for name in ["Ann", "Bea", "Cem"] {
            ids.append(try crm.contacts.create(["given_name": .text(name)]).id)
        }
        try segments.define("guests", of: "contact", kind: .static)
        try segments.define("named", of: "contact", where: "given_name is set")
        XCTAssertEqual(
            try segments.add(Array(ids.prefix(2)), to: "guests", reason: "party").entered, 2)
        XCTAssertEqual(try segments.remove([ids[0]], from: "guests").left, 1)
        XCTAssertEqual(try segments.overlap("guests", "named").both, 1)
        XCTAssertNotNil(try segments.archive("guests").archivedAt)
        XCTAssertThrowsError(try segments.add(ids, to: "guests")) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "archived")
        }
    }
}
