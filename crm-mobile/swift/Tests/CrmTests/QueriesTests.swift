import Crm
import Foundation
import XCTest

final class QueriesTests: XCTestCase {
    private func makeSales() throws -> Crm {
        let crm = try Crm.open(":memory:")
        try crm.define(
            "sale",
            [
                Attribute("agent", .text), Attribute("product", .text),
                Attribute("won", .checkbox), Attribute("closed", .date),
                Attribute("buyer", .reference, target: "company"),
            ])
        let acme = try crm.companies.create(["name": "Acme"])
        let rows: [(Value, Value, Value, Value)] = [
            ("Ann", "chair", true, "2024-12-31"), ("Ann", "chair", false, "2025-01-31"),
            ("Bob", "table", true, "2025-01-01"),
        ]
        for (agent, product, won, closed) in rows {
            try crm.records("sale").create([
                "agent": agent, "product": product, "won": won, "closed": closed,
                "buyer": .text(acme.id),
            ])
        }
        return crm
    }

    func testColumnsAreOfTheRecordAndOfRelatedOnes() throws {
        let sales = try makeSales().records("sale")
        let page = try sales.select(
            ["agent", SelectColumn(field: "name", related: "buyer", name: "buyer")],
            where: "won = true", order: [FieldOrder(field: "agent", descending: true)], limit: 1)
        XCTAssertEqual(page.dictionaries, [["agent": "Bob", "buyer": "Acme"]])
        var agents: [Value] = []
        try sales.selectEach(["agent"], order: ["agent"], pageSize: 2) { agents += $0 }
        XCTAssertEqual(agents, ["Ann", "Ann", "Bob"])
        XCTAssertThrowsError(try sales.select(["agnet"])) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "unknown_attribute")
        }
    }

    func testGroupsComeByPages() throws {
        let sales = try makeSales().records("sale")
        let month = GroupKey(field: "closed", bucket: .month)
        let expected: [[Value]] = [["2024-12-01", 1], ["2025-01-01", 2]]
        XCTAssertEqual(try sales.group(by: [month], [GroupMeasure(count: true)]).rows, expected)
        var pages: [[Value]] = []
        try sales.groupEach(by: [month], [GroupMeasure(count: true)], pageSize: 1) {
            pages.append($0)
        }
        XCTAssertEqual(pages, expected)
    }

    func testAPivotHasTotalsOverTheRecords() throws {
        let sales = try makeSales().records("sale")
        let won = GroupMeasure(share: "won = true")
        let table = try sales.pivot(rows: ["product"], columns: ["agent"], won)
        XCTAssertEqual(table.rowLabels, [["chair"], ["table"]])
        XCTAssertEqual(table.cells[0][0].value, 0.5)
        XCTAssertEqual([table.total.numerator, table.total.denominator], [2, 3])
    }
}
