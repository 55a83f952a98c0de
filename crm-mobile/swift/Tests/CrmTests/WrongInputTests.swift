import Crm
import Foundation
import XCTest

/// What a caller gets who asks the wrong thing: the kind of the error, and the field that it is about.
final class WrongInputTests: XCTestCase {
    private func refused(
        _ kind: String, _ field: String?, line: UInt = #line, _ call: () throws -> Void
    ) {
        XCTAssertThrowsError(try call(), line: line) {
            let error = $0 as? CrmError
            XCTAssertEqual(error?.name(), kind, line: line)
            XCTAssertEqual(error?.parts.field, field, line: line)
        }
    }

    func testAQueryNamesWhatItCannotDo() throws {
        let crm = try Crm.open(":memory:")
        let contacts = crm.contacts
        refused("unknown_attribute", "columns[0].field") { _ = try contacts.select(["emial"]) }
        refused("invalid_argument", "columns") { _ = try contacts.select([]) }
        refused("invalid_argument", "where") {
            _ = try contacts.select(["email"], where: "email = ")
        }
        refused("invalid_argument", "limit") { _ = try contacts.select(["email"], limit: 0) }
        refused("invalid_argument", "after") { _ = try contacts.select(["email"], after: "zzz") }
        refused("invalid_value", "zone") {
            _ = try contacts.select(["email"], zone: "Mars/Olympus")
        }
        refused("wrong_kind", "by[0].bucket") {
            _ = try contacts.group(
                by: [GroupKey(field: "email", bucket: .month)], [GroupMeasure(count: true)])
        }
    }

    func testAConditionNamesItsLeaf() throws {
        let contacts = try Crm.open(":memory:").contacts
        refused("unknown_attribute", "where.field") {
            _ = try contacts.count(where: field("emial") == "x")
        }
        refused("wrong_kind", "where.value") {
            _ = try contacts.count(where: field("given_name") == 7)
        }
        let deep =
            String(repeating: "not (", count: 300) + "email is_set"
            + String(repeating: ")", count: 300)
        refused("limit_exceeded", "where") { _ = try contacts.count(where: deep) }
    }

    func testASearchNeedsWordsOfTypesThatAreThere() throws {
        let crm = try Crm.open(":memory:")
        refused("invalid_argument", "text") { _ = try crm.search("\"") }
        refused("limit_exceeded", "text") {
            _ = try crm.search(String(repeating: "x", count: 2000))
        }
        refused("unknown_type", "types") { _ = try crm.search("x", types: ["kontakt"]) }
    }

    func testAnImportNeedsATableAndColumnsThatFit() throws {
        let imports = try Crm.open(":memory:").imports
        let column = { (name: String) in ColumnMapping(column: "a", attribute: name) }
        refused("invalid_argument", "path") {
            _ = try imports.planCsv("contact", [column("email")], path: "/no/such/table.csv")
        }
        refused("invalid_argument", "path") {
            _ = try imports.planCsv("contact", [column("email")])
        }
        refused("unknown_attribute", "emial") {
            _ = try imports.planCsv("contact", [column("emial")], text: "a\n1\n")
        }
        refused("invalid_argument", "id") { _ = try imports.get("no id") }
    }

    func testAMomentKeepsItsMicrosecondAndOneThatNoYearOfOursHasIsRefused() throws {
        let crm = try Crm.open(":memory:")
        _ = try crm.defineActivityPreset(request: DefineActivityPreset(preset: .call))
        let recorded = { (at: Date) in
            try crm.recordActivity(
                request: NewActivity(kind: "call", at: at, visitor: "v")
            ).activity.at
        }
        for micros in [1_767_225_600_123_456, 1, -1, -1_000_001, -62_135_596_800_000_000] {
            let at = Date(timeIntervalSince1970: Double(micros) / 1_000_000)
            XCTAssertEqual((try recorded(at).timeIntervalSince1970 * 1_000_000).rounded(), Double(micros))
        }
        let far: [Double] = [.nan, .infinity, -.infinity, 1e13, 1e19, -1e19, .greatestFiniteMagnitude]
        for at in far.map({ Date(timeIntervalSince1970: $0) }) + [.distantPast] {
            refused("out_of_range", nil) { _ = try recorded(at) }
        }
    }

    func testAnIdThatIsNoneSaysWhatOneIs() throws {
        XCTAssertThrowsError(try Crm.open(":memory:").contacts.get("secret")) {
            let error = $0 as? CrmError
            XCTAssertEqual(error?.name(), "invalid_argument")
            XCTAssertEqual(error?.parts.hint?.contains("36 characters"), true)
        }
    }

    func testAssociationsNeedATypeThatIsThere() throws {
        let crm = try Crm.open(":memory:")
        let nobody = "0197f0c0-1c00-7000-8000-000000000001"
        refused("unknown_type", "type") {
            try crm.associations.add(
                "employd_by", from: RecordRef(entityType: "contact", id: nobody),
                to: RecordRef(entityType: "company", id: nobody))
        }
    }
}
