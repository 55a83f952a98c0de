import Crm
import Foundation
import XCTest

final class AssociationsTests: XCTestCase {
    func testAJobIsKnownAtBothEndsAndOfAnyDay() throws {
        let crm = try Crm.open(":memory:")
        _ = try crm.defineAssociationPreset(request: DefineAssociationPreset(preset: .employedBy))
        let ann = try crm.contacts.create(["given_name": "Ann"]).ref
        let acme = try crm.companies.create(["name": "Acme"]).ref
        let zenith = try crm.companies.create(["name": "Zenith"]).ref
        let links = crm.associations
        try links.add("employed_by", from: ann, to: acme, role: "buyer", validTo: "2024-06-30")
        let job = try links.add(
            "employed_by", from: ann, to: zenith, role: "CFO", isPrimary: true,
            validFrom: "2024-07-01")
        XCTAssertEqual(try links.get(job.id), job)
        XCTAssertEqual(try links.related(ann).map(\.other), [zenith])
        XCTAssertEqual(try links.related(ann, on: "2024-06-30").map(\.other), [acme])
        XCTAssertEqual(try links.related(ann, atAnyTime: true).map(\.other), [acme, zenith])
        let staff = try links.related(zenith, "employed_by", withRecords: true)
        XCTAssertEqual(staff.map(\.direction), [.incoming])
        XCTAssertEqual(staff.first?.record?["given_name"].string, "Ann")

        try links.patch(job.id, ["role": nil, "valid_to": "2024-07-01"])
        try links.archive(job.id, expectedVersion: 2)
        XCTAssertEqual(try links.related(zenith, on: "2024-07-01"), [])
        XCTAssertEqual(try links.related(zenith, on: "2024-07-01", archived: .only).count, 1)
        XCTAssertEqual(try links.restore(job.id).validTo, "2024-07-01")
        let page = try crm.listTimeline(
            request: ListTimeline(entityType: "company", id: zenith.id, items: [.association]))
        let versions = page.entries.map { entry -> Int64? in
            if case .association(let change) = entry.item { change.version } else { nil }
        }
        XCTAssertEqual(versions, [4, 3, 2, 1])
    }

    func testAHierarchyIsWalkedAndHasNoCycle() throws {
        let crm = try Crm.open(":memory:")
        try crm.defineAssociations(
            "part_of", from: ["company"], to: ["company"], [Attribute("share", .decimal)],
            maxOutgoing: 1, isHierarchy: true)
        let companies = try ["A", "B", "C"].map {
            try crm.companies.create(["name": .text($0)]).ref
        }
        let links = crm.associations
        let link = try links.add(
            "part_of", from: companies[1], to: companies[0], values: ["share": "0.5"])
        XCTAssertEqual(link.values["share"]?.string, "0.50")
        try links.add("part_of", from: companies[2], to: companies[1])
        XCTAssertThrowsError(try links.add("part_of", from: companies[0], to: companies[2])) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_value")
        }
        let below = try links.walk("part_of", from: companies[0], direction: .incoming)
        XCTAssertEqual(below.nodes.map(\.record), [companies[1], companies[2]])
        XCTAssertEqual(below.nodes.map(\.depth), [1, 2])
        XCTAssertTrue(try links.walk("part_of", from: companies[0], maxDepth: 1).isTruncated)
    }
}
