import Crm
import Foundation
import XCTest

final class ConditionsTests: XCTestCase {
    private func library() throws -> Crm {
        let crm = try Crm.open(":memory:")
        try crm.define(
            "book",
            [
                Attribute("title", .text), Attribute("pages", .integer), Attribute("price", .money),
                Attribute("out", .date),
            ])
        let price = Value(Decimal(string: "19.90")!, "EUR")
        try crm.records("book").create(["title": "Emma", "pages": 400, "price": price])
        try crm.records("book").create(["title": "Leaves \"of\" Grass", "pages": 90])
        return crm
    }

    func testTextAndBuiltConditionsAskTheSame() throws {
        let books = try library().records("book")
        let built = field("pages") >= 100 && field("title").startsWith("em")
        let text = "pages >= 100 and title starts with \"em\""
        XCTAssertEqual(try books.list(where: built).records.map { $0["title"].string }, ["Emma"])
        XCTAssertEqual(try books.count(where: built), 1)
        XCTAssertEqual(try books.count(where: text), 1)
        XCTAssertEqual(try books.count(where: built.condition), 1)
        XCTAssertEqual(try books.check(built).text, text)
        XCTAssertEqual(try books.check(text), try books.check(built))
    }

    func testValuesAreWhatRecordsTake() throws {
        let books = try library().records("book")
        XCTAssertEqual(try books.count(where: field("price") == euros("19.90")), 1)
        XCTAssertEqual(try books.count(where: field("title").contains("\"OF\"")), 1)
        XCTAssertEqual(try books.count(where: !field("pages").oneOf([90, 91])), 1)
        let now = Value(Date())
        let epoch = Value(Date(timeIntervalSince1970: 0))
        XCTAssertEqual(try books.count(where: field("created_at").between(epoch, and: now)), 2)
        XCTAssertThrowsError(try books.count(where: field("pages") > .real(.nan))) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_argument")
        }
        XCTAssertThrowsError(try books.check(field("titel").isSet)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "unknown_attribute")
        }
    }

    func testAnAnswerSaysWhy() throws {
        let books = try library().records("book")
        let emma = try XCTUnwrap(books.list(where: field("title") == "Emma").records.first)
        let answer = try books.evaluate(emma.id, field("pages") > 100 && field("title").isMissing)
        XCTAssertFalse(answer.isTrue)
        XCTAssertEqual(answer.leaves.map(\.isTrue), [true, false])
        let plan = try books.explain(field("pages") > 100, id: emma.id)
        XCTAssertEqual(plan.answer?.isTrue, true)
        XCTAssertTrue(plan.sql.contains("\"pages\" > ?"))
    }

    func testActivitiesAndChangesAreAskedFor() throws {
        let crm = try Crm.open(":memory:")
        _ = try crm.defineActivityPreset(request: DefineActivityPreset(preset: .call))
        let ann = try crm.contacts.create(["given_name": "Ann"])
        try crm.contacts.patch(ann.id, ["job_title": "CFO"])
        let now = Date()
        for days in [1.0, 20, 400] {
            _ = try crm.recordActivity(
                request: NewActivity(
                    kind: "call", at: now.addingTimeInterval(-86_400 * days),
                    subject: RecordRef(entityType: "contact", id: ann.id)))
        }
        let recent = event("call").within(.days(30))
        for condition in [
            recent.happened,
            recent.count == 2,
            event("call").first.olderThan(.years(1)),
            event("call").last.withinLast("25h"),
            event("call").from(now.addingTimeInterval(-86_400 * 21)).until(now).count >= 2,
            changed("job_title").from(nil).to("CFO").within(.days(1)).happened,
        ] {
            XCTAssertEqual(try crm.contacts.count(where: condition), 1, condition.condition)
            XCTAssertEqual(try crm.contacts.count(where: !condition), 0, condition.condition)
        }
    }

    func testBuiltConditionsAreThoseOfEveryLanguage() throws {
        let given = ProcessInfo.processInfo.environment["CRM_CONFORMANCE_DIR"]
        let file = URL(fileURLWithPath: given ?? "tests/conformance")
            .appendingPathComponent("builders.json")
        let pairs = try XCTUnwrap(JsonParser.parse(Data(contentsOf: file)).array)
        XCTAssertEqual(pairs.map { $0["name"].text }, built.map(\.name))
        for (pair, one) in zip(pairs, built) {
            // A moment is written to the microsecond.
            let text = one.condition.condition.replacingOccurrences(of: ".000000Z", with: "Z")
            let json = try JsonParser.parse(Data(text.utf8))
            XCTAssertEqual(json, pair["condition"], one.name)
        }
    }
}

private let noon = Date(timeIntervalSince1970: 1_767_355_200)

private func euros(_ amount: String) -> Value { .money(Money(amount: amount, currency: "EUR")) }

// One of a kind for each form of the language, in the order of tests/conformance/builders.json.
private let built = fields + joined + events + others

private let fields: [(name: String, condition: BuiltCondition)] = [
    ("field_eq", field("city") == "Ulm"),
    ("field_neq", field("active") != true),
    ("field_lt", field("employees") < -5),
    ("field_lte", field("share") <= 0.5),
    ("field_gt", field("price") > euros("19.90")),
    ("field_gte", field("or") >= 9_007_199_254_740_993),
    ("field_between", field("born").between("1990-01-01", and: "1999-12-31")),
    ("field_one_of", field("home.city").oneOf(["Ulm", "Bonn"])),
    ("field_none_of", field("rating").noneOf([1, 2])),
    ("field_contains", field("title").contains("say \"hi\" \\ to\nAnn")),
    ("field_starts_with", field("title").startsWith("Grüße 🙂")),
    ("field_ends_with", field("title").endsWith("x")),
    ("field_matches", field("title").matches("[a-z]+\\d")),
    ("field_is_set", field("title").isSet),
    ("field_is_missing", field("title").isMissing),
    ("field_has_any", field("tags").hasAny(["red", "blue"])),
    ("field_has_all", field("tags").hasAll(["red"])),
    ("field_has_none", field("tags").hasNone(["red"])),
    ("field_within_last", field("seen").withinLast(.days(30))),
    ("field_within_next", field("seen").withinNext("P1Y2M3W4DT5H6M7S")),
    ("field_anniversary_within_last", field("born").anniversaryWithinLast(.weeks(2))),
    ("field_anniversary_within_next", field("born").anniversaryWithinNext(.days(7))),
    ("field_or_missing", field("city").orMissing() != "Ulm"),
]

private let either = field("c") == 3 || field("d") == 4 || !field("e").isSet

private let joined: [(name: String, condition: BuiltCondition)] = [
    ("and", field("a") == 1 && field("b") == 2 && either),
    ("all_of", allOf(field("a") == 1)),
    ("any_of", anyOf()),
]

private let overTheWeb = field("amount") > euros("5") && field("channel") == "web"

private let events: [(name: String, condition: BuiltCondition)] = [
    ("event", event("call").happened),
    ("event_never", event("any").never),
    ("event_count", event("email_opened").within(.days(30)).count >= 3),
    (
        "event_span",
        event("purchase").from(noon).until(noon.addingTimeInterval(86_400)).filter(overTheWeb)
            .count < 2
    ),
    ("event_sum", event("purchase").within(.months(12)).sum("amount") >= euros("100.00")),
    ("event_min", event("call").min("minutes") != 5),
    ("event_max", event("call").max("minutes") <= 5),
    ("event_first_before", event("call").first.before(noon)),
    ("event_first_after", event("call").first.after(noon)),
    ("event_last_within_last", event("call").last.withinLast(.minutes(10))),
    ("event_last_older_than", event("call").last.olderThan(.days(90))),
]

private let others: [(name: String, condition: BuiltCondition)] = [
    ("related", related("employed_by").filter(field("employees") >= 50).exists),
    ("related_count", related("employed_by").inverse.ofType("contact").role("CFO").count > 2),
    ("changed", changed("stage").happened),
    ("changed_span", changed("stage").from(nil).to("won").within(.days(30)).happened),
    ("segment", inSegment("churned")),
    ("stage_eq", stage() == "mql"),
    ("stage_neq", stage() != "mql"),
    ("stage_at_least", stage() >= "mql"),
    ("stage_at_most", stage() <= "mql"),
    ("stage_named", stage("contact") >= "mql"),
    ("score", score() >= 50),
    ("score_named", score("fit") < 1.5),
    ("consent", consent(channel: "email", purpose: "newsletter")),
]
