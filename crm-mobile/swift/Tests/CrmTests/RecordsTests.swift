import Crm
import Foundation
import XCTest

final class RecordsTests: XCTestCase {
    func testAContactIsFoundByItsNormalisedAddress() throws {
        let crm = try Crm.open(":memory:")
        let ann = try crm.contacts.create(["given_name": "Ann", "email": "ann@EXAMPLE.org"])
        XCTAssertEqual(try crm.contacts.get(by: "email", "ann@example.org"), ann)
        XCTAssertEqual(ann["email"].string, "ann@example.org")
        XCTAssertEqual(ann.typed["email"]?.string, "ann@EXAMPLE.org")
        XCTAssertTrue(ann["phone"].isNull)
    }

    func testAPatchSaysWhoAndWhy() throws {
        let crm = try Crm.open(":memory:")
        let acme = try crm.companies.create(["name": "Acme"])
        let mine = try crm.actingAs(actor: "user:7", cause: "renamed")
        try mine.companies.patch(acme.id, ["name": "Acme Ltd"], expectedVersion: 1)
        let history = try crm.companies.history(acme.id, attribute: "name")
        XCTAssertEqual(history.map { $0.values["name"]?.string }, ["Acme", "Acme Ltd"])
        XCTAssertEqual(history.last?.actor, "user:7")
        XCTAssertEqual(history.last?.cause, "renamed")
        XCTAssertThrowsError(
            try crm.companies.patch(acme.id, ["name": "Other"], expectedVersion: 1)
        ) { XCTAssertEqual(($0 as? CrmError)?.name(), "stale_version") }
    }

    func testATypeOfTheHostsOwn() throws {
        let crm = try Crm.open(":memory:")
        try crm.define(
            "book",
            [
                Attribute("title", .text, required: true),
                Attribute("genre", .choice, options: ["novel", "poetry"]),
                Attribute("price", .money, currency: "EUR"),
                Attribute("weight", .decimal, scale: 3),
                Attribute("printed_at", .timestamp),
            ])
        let printed = Date(timeIntervalSince1970: 1_767_225_600.123456)
        let emma = try crm.records("book").create([
            "title": "Emma", "genre": "novel", "price": Value(Decimal(string: "9.90")!, "EUR"),
            "weight": Value(Decimal(string: "0.5")!), "printed_at": Value(printed),
        ])
        XCTAssertEqual(emma["price"].money?.amount, "9.90")
        XCTAssertEqual(emma["weight"].string, "0.500")
        XCTAssertEqual(emma["printed_at"].string, "2026-01-01T00:00:00.123456Z")
        XCTAssertThrowsError(try crm.records("book").create(["title": "X", "genre": "novle"])) {
            guard case CrmError.UnknownOption(_, let field, let hint) = $0 else {
                return XCTFail("\($0)")
            }
            XCTAssertEqual(field, "genre")
            XCTAssertEqual(hint, "did you mean \"novel\"?")
        }
    }

    func testAFormulaKeepsItsAttributeTrue() throws {
        let crm = try Crm.open(":memory:")
        try crm.define(
            "order",
            [
                Attribute("price", .decimal),
                Attribute("quantity", .integer),
                Attribute("total", .decimal, formula: "price * quantity"),
            ])
        let orders = crm.records("order")
        let order = try orders.create(["price": "9.99", "quantity": 3])
        XCTAssertEqual(order["total"].string, "29.97")
        XCTAssertEqual(try orders.patch(order.id, ["quantity": 1])["total"].string, "9.99")
        XCTAssertThrowsError(try orders.patch(order.id, ["total": "1"])) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_argument")
        }
    }

    func testASequenceMeetsEveryRecordOnce() throws {
        let crm = try Crm.open(":memory:")
        let rows: [Values] = (0..<2500).map { ["name": .text("company \($0)")] }
        XCTAssertEqual(try crm.companies.create(many: rows).failed, 0)
        XCTAssertEqual(Set(crm.companies.map(\.id)).count, 2500)
        XCTAssertEqual(try crm.companies.count(), 2500)
    }

    func testNumbersThatAreNone() throws {
        let crm = try Crm.open(":memory:")
        try crm.define("thing", [Attribute("real", .real)])
        for number in [Double.nan, .infinity, -.infinity] {
            XCTAssertThrowsError(try crm.records("thing").create(["real": .real(number)])) {
                XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_value")
            }
        }
    }

    func testAnIdThatIsNoneIsAnErrorAndNoCrash() throws {
        let crm = try Crm.open(":memory:")
        XCTAssertThrowsError(try crm.contacts.get("not an id")) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_argument")
        }
    }

    func testAnAuditFindsANameThatIsMisspelt() throws {
        let crm = try Crm.open(":memory:")
        for number in 0..<5 {
            try crm.companies.create(["name": .text("Acme \(number)"), "industry": "technology"])
        }
        let wrong = try crm.companies.create(["name": "Bolt", "industry": "technolgy"])
        let finding = try crm.companies.audit().findings.first { $0.rule == .spelling }
        XCTAssertEqual(finding?.expected, "technology")
        XCTAssertEqual(finding?.examples, [wrong.id])
    }
}
