import Crm
import Foundation
import XCTest

final class ImportsTests: XCTestCase {
    private let columns = ColumnMapping.each(["E-mail": "email", "Name": "family_name"])

    func testAnImportIsPlannedAppliedAndTakenBack() throws {
        let crm = try Crm.open(":memory:")
        let ann = try crm.contacts.create(["email": "ann@example.org", "family_name": "Ann"])
        let text = "E-mail,Name\nann@example.org,Anna\nben@example.org,Ben\nno mail,Cid\n"
        let plan = try crm.imports.planCsv("contact", columns, text: text, key: ["email"])
        XCTAssertEqual([plan.update, plan.create, plan.error], [1, 1, 1])
        let rows = try crm.imports.rows(of: plan).rows
        XCTAssertEqual(rows.map(\.decision), [.update, .create, .error])
        XCTAssertEqual(rows[0].id, ann.id)
        XCTAssertEqual(rows[0].changes.map(\.old.string), ["Ann"])
        XCTAssertEqual(try crm.imports.rows(of: plan, [.error]).rows.map(\.row), [3])
        XCTAssertEqual(try crm.contacts.count(), 1)

        let run = try crm.imports.apply(plan)
        XCTAssertEqual(run.import.state, .finished)
        let ben = try crm.contacts.get(by: "email", "ben@example.org")
        let eve = try crm.actingAs(actor: "user:eve", cause: nil)
        try eve.contacts.patch(ben.id, ["given_name": "Benjamin"])
        let report = try crm.imports.revert(run.import.id)
        XCTAssertEqual([report.archived, report.restored, report.leftCount], [0, 1, 1])
        XCTAssertEqual(report.left.first?.actor, "user:eve")
        XCTAssertEqual(try crm.contacts.get(ann.id)["family_name"].string, "Ann")
        XCTAssertEqual(try crm.imports.list().imports.map(\.id), [run.import.id])
    }

    func testColumnsMakeAssociationsAndActivitiesOnce() throws {
        let crm = try Crm.open(":memory:")
        _ = try crm.defineAssociationPreset(request: DefineAssociationPreset(preset: .employedBy))
        _ = try crm.defineActivityPreset(request: DefineActivityPreset(preset: .call))
        let works = AssociationColumns(
            associationType: "employed_by", column: "Company", otherType: "company", by: "name",
            createMissing: true)
        let called = ActivityColumns(
            kind: "call",
            columns: [
                ColumnMapping(column: "Called", attribute: "at"),
                ColumnMapping(column: "Minutes", attribute: "minutes"),
            ])
        let text =
            "E-mail,Name,Company,Called,Minutes\nann@example.org,Ann,Acme,2025-01-31T12:00:00Z,3\n"
        func plan() throws -> ImportPlan {
            try crm.imports.planCsv(
                "contact", columns, text: text, key: ["email"], associations: [works],
                activities: [called])
        }
        let first = try plan()
        XCTAssertEqual([first.associations, first.activities, first.others], [1, 1, 1])
        let row = try crm.imports.rows(of: first).rows[0]
        XCTAssertEqual(row.associations.map(\.newRow), [1])
        XCTAssertEqual(row.activities.map(\.kind), ["call"])
        let run = try crm.imports.apply(first)
        let again = try plan()
        XCTAssertEqual([again.associations, again.activities], [0, 0])
        let report = try crm.imports.revert(run.import.id)
        XCTAssertEqual([report.archived, report.associations], [2, 1])
        XCTAssertEqual(report.left.map(\.item), [.activity])
    }

    func testAPlanThatIsNotTrueAnyMoreIsRefused() throws {
        let crm = try Crm.open(":memory:")
        let plan = try crm.imports.planCsv("contact", columns, text: "E-mail,Name\n,Ann\n")
        try crm.contacts.create(["family_name": "Eve"])
        XCTAssertThrowsError(try crm.imports.apply(plan)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "stale_version")
        }
    }

    func testAnImportThatWasCancelledGoesOn() throws {
        let crm = try Crm.open(":memory:")
        let text = "name\n" + (0..<12_000).map { "Company \($0)\n" }.joined()
        let names = [ColumnMapping(column: "name", attribute: "name")]
        let plan = try crm.imports.planCsv("company", names, text: text)
        let cut = try crm.imports.apply(plan) { _ in false }
        XCTAssertEqual(cut.import.state, .unfinished)
        let again = try crm.imports.planCsv("company", names, text: text)
        XCTAssertEqual(try crm.imports.resume(cut.import.id, again).import.created, 12_000)
        XCTAssertEqual(try crm.companies.count(), 12_000)
    }

    func testATableIsAFileTooAndArrowIsForOtherLanguages() throws {
        let crm = try Crm.open(":memory:")
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("people-\(UUID().uuidString).csv")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("E-mail;Name\nann@example.org;Ann\n".utf8).write(to: file)
        let plan = try crm.imports.planCsv(
            "contact", columns, path: file.path, dialect: CsvDialect(delimiter: ";"))
        XCTAssertEqual(plan.create, 1)
        try Data(#"{"E-mail": "ann@example.org", "Name": "Ann"}"#.utf8).write(to: file)
        let lines = try crm.imports.planJsonLines("contact", columns, path: file.path)
        XCTAssertEqual(lines.create, 1)
        let source = ImportSource(format: .arrow, path: file.path)
        let arrow = PlanImport(
            entityType: "contact", source: source, columns: columns, mode: .create,
            badCells: .rejectRow)
        XCTAssertThrowsError(try crm.planImport(request: arrow, listener: nil)) {
            XCTAssertEqual(($0 as? CrmError)?.parts.field, "format")
        }
    }

    func testAWrongTableIsRefusedByWhatIsWrongWithIt() throws {
        let crm = try Crm.open(":memory:")
        let known = self.columns
        let wrong: [(String, () throws -> ImportPlan)] = [
            ("path", { try crm.imports.planCsv("contact", known) }),
            ("path", { try crm.imports.planCsv("contact", known, path: "no such file.csv") }),
            (
                "Nam",
                {
                    try crm.imports.planCsv(
                        "contact", ColumnMapping.each(["Nam": "family_name"]), text: "Name\n")
                }
            ),
            (
                "columns",
                {
                    try crm.imports.planCsv(
                        "contact", ColumnMapping.each(["": "family_name"]), text: "Name\n")
                }
            ),
        ]
        for (field, plan) in wrong {
            XCTAssertThrowsError(try plan()) {
                XCTAssertEqual(($0 as? CrmError)?.parts.field, field)
            }
        }
    }
}
