import Foundation

// Conditions built in Swift: `field("city") == "Ulm" && event("purchase").within("30d").count >= 3`.
// What is built is the JSON form of a condition, which the engine judges where it is used.

/// What is taken for a condition: text, its JSON, or one that was built.
public protocol ConditionConvertible {
    /// The condition as the requests take it.
    var condition: Condition { get }
}

extension String: ConditionConvertible {
    public var condition: Condition { self }
}

/// A condition that was built. `&&`, `||` and `!` join conditions.
public struct BuiltCondition: ConditionConvertible, Sendable {
    let json: ConditionJson

    init(_ members: [(String, ConditionJson)]) { json = .object(members) }

    public var condition: Condition { json.text }

    /// Both are true; a chain of them makes one list.
    public static func && (first: BuiltCondition, other: BuiltCondition) -> BuiltCondition {
        first.joined("all", other)
    }

    /// At least one is true; a chain of them makes one list.
    public static func || (first: BuiltCondition, other: BuiltCondition) -> BuiltCondition {
        first.joined("any", other)
    }

    /// It is not true.
    public static prefix func ! (condition: BuiltCondition) -> BuiltCondition {
        BuiltCondition([("not", condition.json)])
    }

    private func joined(_ key: String, _ other: BuiltCondition) -> BuiltCondition {
        if case .object(let members) = json, members.count == 1, members[0].0 == key,
            case .list(let parts) = members[0].1
        {
            return BuiltCondition([(key, .list(parts + [other.json]))])
        }
        return BuiltCondition([(key, .list([json, other.json]))])
    }
}

/// A stretch of time by the calendar: `.days(30)`, or text such as `"30d"` or `"P1Y6M"`.
public struct TimeSpan: ExpressibleByStringLiteral, Sendable {
    let text: String

    /// As text: ISO 8601 in whole numbers, or one number with `y`, `mo`, `w`, `d`, `h`, `min` or `s`.
    public init(_ text: String) { self.text = text }

    public init(stringLiteral text: String) { self.text = text }

    public static func years(_ number: Int) -> TimeSpan { TimeSpan("P\(number)Y") }
    public static func months(_ number: Int) -> TimeSpan { TimeSpan("P\(number)M") }
    public static func weeks(_ number: Int) -> TimeSpan { TimeSpan("P\(number)W") }
    public static func days(_ number: Int) -> TimeSpan { TimeSpan("P\(number)D") }
    public static func hours(_ number: Int) -> TimeSpan { TimeSpan("PT\(number)H") }
    public static func minutes(_ number: Int) -> TimeSpan { TimeSpan("PT\(number)M") }
    public static func seconds(_ number: Int) -> TimeSpan { TimeSpan("PT\(number)S") }
}

/// A field about to be compared: see ``field(_:)``.
public struct ConditionField: Sendable {
    let name: String
    var missing = false

    /// True also where there is no value.
    public func orMissing() -> ConditionField { ConditionField(name: name, missing: true) }

    public static func == (field: Self, value: Value) -> BuiltCondition { field.one("eq", value) }
    public static func != (field: Self, value: Value) -> BuiltCondition { field.one("neq", value) }
    public static func < (field: Self, value: Value) -> BuiltCondition { field.one("lt", value) }
    public static func <= (field: Self, value: Value) -> BuiltCondition { field.one("lte", value) }
    public static func > (field: Self, value: Value) -> BuiltCondition { field.one("gt", value) }
    public static func >= (field: Self, value: Value) -> BuiltCondition { field.one("gte", value) }

    /// It equals one of the values.
    public func oneOf(_ values: [Value]) -> BuiltCondition { many("in", values) }

    /// It has a value that is none of these.
    public func noneOf(_ values: [Value]) -> BuiltCondition { many("not_in", values) }

    /// It lies between the two, both included.
    public func between(_ least: Value, and most: Value) -> BuiltCondition {
        many("between", [least, most])
    }

    /// The text contains this one, whatever the case of the letters.
    public func contains(_ text: String) -> BuiltCondition { one("contains", .text(text)) }

    /// The text begins so, whatever the case of the letters.
    public func startsWith(_ text: String) -> BuiltCondition { one("starts_with", .text(text)) }

    /// The text ends so, whatever the case of the letters.
    public func endsWith(_ text: String) -> BuiltCondition { one("ends_with", .text(text)) }

    /// The whole text matches a regular expression.
    public func matches(_ pattern: String) -> BuiltCondition { one("matches", .text(pattern)) }

    /// There is a value.
    public var isSet: BuiltCondition { build("is_set", nil) }

    /// There is no value.
    public var isMissing: BuiltCondition { build("is_missing", nil) }

    /// The choices hold one of these.
    public func hasAny(_ options: [String]) -> BuiltCondition { many("has_any", texts(options)) }

    /// The choices hold all of these.
    public func hasAll(_ options: [String]) -> BuiltCondition { many("has_all", texts(options)) }

    /// The choices hold none of these.
    public func hasNone(_ options: [String]) -> BuiltCondition { many("has_none", texts(options)) }

    /// The day or moment lies in the span that ends now.
    public func withinLast(_ span: TimeSpan) -> BuiltCondition {
        build("within_last", .text(span.text))
    }

    /// The day or moment lies in the span that begins now.
    public func withinNext(_ span: TimeSpan) -> BuiltCondition {
        build("within_next", .text(span.text))
    }

    /// An anniversary lies in the span that ends today.
    public func anniversaryWithinLast(_ span: TimeSpan) -> BuiltCondition {
        build("anniversary_within_last", .text(span.text))
    }

    /// An anniversary lies in the span that begins today.
    public func anniversaryWithinNext(_ span: TimeSpan) -> BuiltCondition {
        build("anniversary_within_next", .text(span.text))
    }

    private func texts(_ options: [String]) -> [Value] { options.map { .text($0) } }

    private func one(_ op: String, _ value: Value) -> BuiltCondition { build(op, .value(value)) }

    private func many(_ op: String, _ values: [Value]) -> BuiltCondition {
        build(op, .list(values.map { .value($0) }))
    }

    private func build(_ op: String, _ value: ConditionJson?) -> BuiltCondition {
        var members: [(String, ConditionJson)] = [("field", .text(name)), ("op", .text(op))]
        if let value { members.append(("value", value)) }
        if missing { members.append(("missing", .value(true))) }
        return BuiltCondition(members)
    }
}

/// A number of occurrences, a figure of activities or a score, about to be compared.
public struct ConditionMeasure: Sendable {
    let build: @Sendable (String, Value) -> BuiltCondition

    public static func == (measure: Self, value: Value) -> BuiltCondition {
        measure.build("eq", value)
    }
    public static func != (measure: Self, value: Value) -> BuiltCondition {
        measure.build("neq", value)
    }
    public static func < (measure: Self, value: Value) -> BuiltCondition {
        measure.build("lt", value)
    }
    public static func <= (measure: Self, value: Value) -> BuiltCondition {
        measure.build("lte", value)
    }
    public static func > (measure: Self, value: Value) -> BuiltCondition {
        measure.build("gt", value)
    }
    public static func >= (measure: Self, value: Value) -> BuiltCondition {
        measure.build("gte", value)
    }
}

/// When the first or last activity was, about to be compared.
public struct ConditionMoment: Sendable {
    let build: @Sendable (String, ConditionJson) -> BuiltCondition

    /// It was before this moment.
    public func before(_ moment: Date) -> BuiltCondition { build("before", .value(Value(moment))) }

    /// It was after this moment.
    public func after(_ moment: Date) -> BuiltCondition { build("after", .value(Value(moment))) }

    /// It was in the span that ends now.
    public func withinLast(_ span: TimeSpan) -> BuiltCondition {
        build("within_last", .text(span.text))
    }

    /// It was before the span that ends now.
    public func olderThan(_ span: TimeSpan) -> BuiltCondition {
        build("older_than", .text(span.text))
    }
}

/// Activities of a kind: narrow them down, then say what about them.
public struct EventCondition: Sendable {
    var members: [(String, ConditionJson)]

    /// Only those of the span that ends now.
    public func within(_ span: TimeSpan) -> EventCondition { with("within", .text(span.text)) }

    /// Only those at or after this moment.
    public func from(_ moment: Date) -> EventCondition { with("from", .value(Value(moment))) }

    /// Only those before this moment.
    public func until(_ moment: Date) -> EventCondition { with("until", .value(Value(moment))) }

    /// Only those for which this is true, over the kind's properties and `at`, `channel`, `amount` …
    public func filter(_ condition: BuiltCondition) -> EventCondition {
        with("where", condition.json)
    }

    /// There is one.
    public var happened: BuiltCondition { BuiltCondition(members) }

    /// There is none.
    public var never: BuiltCondition { count == 0 }

    /// How many there are.
    public var count: ConditionMeasure {
        ConditionMeasure { BuiltCondition(members + [("count", compared([], $0, .value($1)))]) }
    }

    /// The sum of a property, or of `amount`.
    public func sum(_ property: String) -> ConditionMeasure { figure("sum", property) }

    /// The least of a property, or of `amount`.
    public func min(_ property: String) -> ConditionMeasure { figure("min", property) }

    /// The greatest of a property, or of `amount`.
    public func max(_ property: String) -> ConditionMeasure { figure("max", property) }

    /// When the first was.
    public var first: ConditionMoment {
        ConditionMoment { BuiltCondition(members + [("first", compared([], $0, $1))]) }
    }

    /// When the last was.
    public var last: ConditionMoment {
        ConditionMoment { BuiltCondition(members + [("last", compared([], $0, $1))]) }
    }

    private func figure(_ figure: String, _ property: String) -> ConditionMeasure {
        ConditionMeasure {
            let of = [("property", ConditionJson.text(property))]
            return BuiltCondition(members + [(figure, compared(of, $0, .value($1)))])
        }
    }

    private func with(_ key: String, _ part: ConditionJson) -> EventCondition {
        EventCondition(members: members.setting(key, to: part))
    }
}

/// Related records: narrow them down, then say how many.
public struct RelatedCondition: Sendable {
    var members: [(String, ConditionJson)]

    /// Those that point to this record.
    public var inverse: RelatedCondition { with("inverse", .value(true)) }

    /// Only those of this entity type.
    public func ofType(_ entityType: String) -> RelatedCondition { with("type", .text(entityType)) }

    /// Only those in this role.
    public func role(_ role: String) -> RelatedCondition { with("role", .text(role)) }

    /// Only those for which this is true.
    public func filter(_ condition: BuiltCondition) -> RelatedCondition {
        with("where", condition.json)
    }

    /// There is one.
    public var exists: BuiltCondition { BuiltCondition(members) }

    /// How many there are.
    public var count: ConditionMeasure {
        ConditionMeasure { BuiltCondition(members + [("count", compared([], $0, .value($1)))]) }
    }

    private func with(_ key: String, _ part: ConditionJson) -> RelatedCondition {
        RelatedCondition(members: members.setting(key, to: part))
    }
}

/// A change of an attribute, as the journal has it: narrow it down.
public struct ChangedCondition: Sendable {
    var members: [(String, ConditionJson)]

    /// Only changes from this value; `nil` is no value.
    public func from(_ value: Value) -> ChangedCondition { with("from", .value(value)) }

    /// Only changes to this value; `nil` is no value.
    public func to(_ value: Value) -> ChangedCondition { with("to", .value(value)) }

    /// Only changes of the span that ends now.
    public func within(_ span: TimeSpan) -> ChangedCondition { with("within", .text(span.text)) }

    /// It happened.
    public var happened: BuiltCondition { BuiltCondition(members) }

    private func with(_ key: String, _ part: ConditionJson) -> ChangedCondition {
        ChangedCondition(members: members.setting(key, to: part))
    }
}

/// The stage of the record, about to be compared with `==`, `!=`, `>=` and `<=`.
public struct ConditionStage: Sendable {
    let lifecycle: String?

    public static func == (of: Self, stage: String) -> BuiltCondition { of.build("eq", stage) }
    public static func != (of: Self, stage: String) -> BuiltCondition { of.build("neq", stage) }
    public static func >= (of: Self, stage: String) -> BuiltCondition { of.build("at_least", stage) }
    public static func <= (of: Self, stage: String) -> BuiltCondition { of.build("at_most", stage) }

    private func build(_ op: String, _ stage: String) -> BuiltCondition {
        let named: [(String, ConditionJson)] = lifecycle.map { [("lifecycle", .text($0))] } ?? []
        return BuiltCondition([("stage", compared(named, op, .text(stage)))])
    }
}

/// A field of the record: an attribute, a part of one such as `home.city`, or `created_at`.
public func field(_ name: String) -> ConditionField { ConditionField(name: name) }

/// Activities of a kind; `any` is every kind.
public func event(_ kind: String) -> EventCondition {
    EventCondition(members: [("event", .text(kind))])
}

/// Records that are related by an association type, or by an attribute of kind reference.
public func related(_ name: String) -> RelatedCondition {
    RelatedCondition(members: [("related", .text(name))])
}

/// A change of an attribute.
public func changed(_ attribute: String) -> ChangedCondition {
    ChangedCondition(members: [("changed", .text(attribute))])
}

/// Every one is true; true if there are none.
public func allOf(_ conditions: BuiltCondition...) -> BuiltCondition {
    BuiltCondition([("all", .list(conditions.map(\.json)))])
}

/// At least one is true; false if there are none.
public func anyOf(_ conditions: BuiltCondition...) -> BuiltCondition {
    BuiltCondition([("any", .list(conditions.map(\.json)))])
}

/// The record is a member of a segment.
public func inSegment(_ name: String) -> BuiltCondition {
    BuiltCondition([("segment", .text(name))])
}

/// The stage that the record stands on, in a lifecycle or the only one of its type.
public func stage(_ lifecycle: String? = nil) -> ConditionStage {
    ConditionStage(lifecycle: lifecycle)
}

/// A score of the record, the only one by default; `score.group` is that of one group.
public func score(_ name: String? = nil) -> ConditionMeasure {
    ConditionMeasure { op, value in
        let named = name.map { [("name", ConditionJson.text($0))] } ?? []
        return BuiltCondition([("score", compared(named, op, .value(value)))])
    }
}

/// The person allowed it, by the ledger and by what is suppressed. Caps, pressure, quiet hours and how
/// often the person wants to be contacted are aside: ask `consents.decide` before each contact.
public func consent(channel: String, purpose: String) -> BuiltCondition {
    let parts: [(String, ConditionJson)] = [
        ("channel", .text(channel)), ("purpose", .text(purpose)),
    ]
    return BuiltCondition([("consent", .object(parts))])
}

private func compared(_ more: [(String, ConditionJson)], _ op: String, _ value: ConditionJson)
    -> ConditionJson
{
    .object(more + [("op", .text(op)), ("value", value)])
}

extension Array where Element == (String, ConditionJson) {
    /// The members with one more, in place of one of the same key.
    fileprivate func setting(_ key: String, to part: ConditionJson) -> Self {
        filter { $0.0 != key } + [(key, part)]
    }
}

/// The parts of a condition in JSON, and how they are written.
indirect enum ConditionJson: Sendable {
    case value(Value)
    case text(String)
    case list([ConditionJson])
    case object([(String, ConditionJson)])

    var text: String {
        var out = ""
        write(to: &out)
        return out
    }

    private func write(to out: inout String) {
        switch self {
        case .text(let text): Self.quote(text, to: &out)
        case .value(let value): Self.write(value, to: &out)
        case .list(let items):
            out += "["
            for (place, item) in items.enumerated() {
                if place > 0 { out += "," }
                item.write(to: &out)
            }
            out += "]"
        case .object(let members):
            out += "{"
            for (place, (key, part)) in members.enumerated() {
                if place > 0 { out += "," }
                Self.quote(key, to: &out)
                out += ":"
                part.write(to: &out)
            }
            out += "}"
        }
    }

    private static func write(_ value: Value, to out: inout String) {
        switch value {
        case .null: out += "null"
        case .bool(let flag): out += flag ? "true" : "false"
        case .integer(let number): out += String(number)
        // What is no number is no JSON either, and the engine refuses it.
        case .real(let number): out += "\(number)"
        case .text(let text): quote(text, to: &out)
        case .list(let items): ConditionJson.list(items.map { .text($0) }).write(to: &out)
        case .money(let money):
            parts([("amount", money.amount), ("currency", money.currency)]).write(to: &out)
        case .address(let address):
            parts([
                ("street", address.street), ("city", address.city), ("region", address.region),
                ("postal_code", address.postalCode), ("country", address.country),
            ]).write(to: &out)
        case .file(let file):
            parts([
                ("hash", file.hash), ("name", file.name), ("media_type", file.mediaType),
            ]).write(to: &out)
        }
    }

    private static func parts(_ parts: [(String, String?)]) -> ConditionJson {
        .object(parts.compactMap { key, text in text.map { (key, .text($0)) } })
    }

    private static func quote(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                out += "\\"
                out.unicodeScalars.append(scalar)
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default:
                out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
