import Crm
import Foundation

/// A case that does not fit the typed interface: a fault of the case or of the runner.
struct BadCase: Error, CustomStringConvertible { let description: String }

// From the JSON of a case to the typed requests. A member that no request has is refused.

extension Json {
    func only(_ names: String...) throws -> Json {
        for name in (members ?? [:]).keys where !names.contains(name) {
            throw BadCase(description: "no such member: \(name)")
        }
        return self
    }

    func string(_ key: String) throws -> String {
        guard let text = self[key].text else { throw BadCase(description: "\(key) is no text") }
        return text
    }

    func list<T>(_ key: String, _ read: (Json) throws -> T) throws -> [T] {
        try (self[key].array ?? []).map(read)
    }

    func value() throws -> Value {
        switch self {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let number): return .integer(number)
        case .number(let number): return .real(number)
        case .text(let text): return .text(text)
        case .array(let items): return .list(try items.map { try $0.wanted($0.text) })
        case .object(let parts):
            if parts["amount"] != nil {
                let amount = self["amount"]
                let text = amount.text ?? amount.integer.map(String.init)
                return .money(Money(amount: try wanted(text), currency: try string("currency")))
            }
            if parts["hash"] != nil {
                return .file(
                    FileRef(
                        hash: try string("hash"), name: try string("name"),
                        mediaType: try string("media_type"),
                        size: UInt64(self["size"].integer ?? 0)))
            }
            let address = try only("street", "city", "region", "postal_code", "country")
            return .address(
                Address(
                    street: address["street"].text, city: address["city"].text,
                    region: address["region"].text, postalCode: address["postal_code"].text,
                    country: address["country"].text))
        }
    }

    func wanted<T>(_ value: T?) throws -> T {
        guard let value else { throw BadCase(description: "a member is of the wrong type") }
        return value
    }

    func values(_ key: String) throws -> Values { try (self[key].members ?? [:]).mapValues { try $0.value() } }

    func optional(_ key: String) throws -> Value? {
        // A plain nil in a conditional expression would be the value null.
        self[key].isNull ? Value?.none : try self[key].value()
    }

    var archived: Archived {
        switch self["archived"].text {
        case "include": .include
        case "only": .only
        default: .exclude
        }
    }

    func limit(_ key: String, _ standard: UInt32) -> UInt32 { self[key].integer.map { UInt32($0) } ?? standard }

    func attribute() throws -> Attribute {
        _ = try only(
            "name", "kind", "label", "description", "required", "unique", "index", "searched",
            "default",
            "options", "minimum", "maximum", "length", "pattern", "scale", "currency", "target",
            "formula", "sensitivity", "purpose")
        let kindName = try string("kind")
        guard let kind = Kind.allCases.first(where: { snake("\($0)") == kindName }) else {
            throw BadCase(description: "no kind \(kindName)")
        }
        return Attribute(
            name: try string("name"), kind: kind, label: self["label"].text ?? "",
            description: self["description"].text ?? "", required: self["required"].bool ?? false,
            unique: self["unique"].bool ?? false, index: self["index"].bool ?? false,
            searched: self["searched"].bool ?? false,
            default: try optional("default"),
            options: try list("options") {
                ChoiceOption(
                    value: try $0.string("value"), label: $0["label"].text ?? "",
                    order: Int32($0["order"].integer ?? 0), hidden: $0["hidden"].bool ?? false)
            },
            minimum: try optional("minimum"), maximum: try optional("maximum"),
            length: self["length"].integer.map { UInt32($0) }, pattern: self["pattern"].text,
            scale: self["scale"].integer.map { UInt8($0) }, currency: self["currency"].text,
            target: self["target"].text, formula: self["formula"].text,
            sensitivity: self["sensitivity"].text == "personal"
                ? .personal : self["sensitivity"].text == "special" ? .special : .none,
            purpose: self["purpose"].text)
    }

    func change() throws -> RecordChange {
        guard let (verb, request) = members?.first else { throw BadCase(description: "no change") }
        switch verb {
        case "create": return .create(try request.create())
        case "patch": return .patch(try request.patch())
        case "upsert": return .upsert(try request.upsert())
        case "archive":
            return .archive(
                ArchiveRecord(
                    entityType: try request.string("type"), id: try request.string("id"),
                    expectedVersion: request["expected_version"].integer))
        case "restore":
            return .restore(
                RestoreRecord(
                    entityType: try request.string("type"), id: try request.string("id"),
                    expectedVersion: request["expected_version"].integer))
        default: throw BadCase(description: "no change \(verb)")
        }
    }

    func create() throws -> CreateRecord {
        try only("type", "values").then {
            CreateRecord(entityType: try $0.string("type"), values: try $0.values("values"))
        }
    }

    func patch() throws -> PatchRecord {
        try only("type", "id", "values", "expected_version").then {
            PatchRecord(
                entityType: try $0.string("type"), id: try $0.string("id"),
                values: try $0.values("values"), expectedVersion: $0["expected_version"].integer)
        }
    }

    func upsert() throws -> UpsertRecord {
        try only("type", "key", "values").then {
            UpsertRecord(
                entityType: try $0.string("type"), key: try $0.string("key"),
                values: try $0.values("values"))
        }
    }

    func then<T>(_ read: (Json) throws -> T) rethrows -> T { try read(self) }

    func dialect() throws -> CsvDialect {
        let dialect = try self["dialect"].only("delimiter", "quote", "encoding")
        return CsvDialect(
            delimiter: dialect["delimiter"].text ?? ",", quote: dialect["quote"].text ?? "\"",
            encoding: dialect["encoding"].text)
    }

    func column() throws -> ColumnMapping {
        _ = try only(
            "column", "attribute", "format", "time_zone", "decimal_separator", "group_separator",
            "list_separator", "lookup", "rule")
        let rules: [ColumnRule] = [.overwrite, .keep, .updateOnly, .append]
        let rule = self["rule"].text
        return ColumnMapping(
            column: try string("column"), attribute: try string("attribute"),
            format: self["format"].text, timeZone: self["time_zone"].text,
            decimalSeparator: self["decimal_separator"].text,
            groupSeparator: self["group_separator"].text,
            listSeparator: self["list_separator"].text, lookup: self["lookup"].text,
            rule: try rule.map { name in try wanted(rules.first { snake("\($0)") == name }) })
    }

    func card() throws -> CardMapping {
        _ = try only("property", "label", "attribute")
        return CardMapping(
            property: try string("property"), label: self["label"].text,
            attribute: try string("attribute"))
    }

    /// Options as they are opened with: with a clock and ids that repeat unless they say otherwise.
    func options() throws -> OpenOptions {
        _ = try only("durability", "read_only", "max_bytes", "actor", "replay")
        let given = self["replay"]
        let start = given["start"].text.flatMap { ISO8601DateFormatter().date(from: $0) }
        let replay = Replay(
            start: start ?? Date(timeIntervalSince1970: 1_767_225_600),
            stepMicros: given["step_micros"].integer ?? 1000)
        return OpenOptions(
            durability: self["durability"].text == "relaxed" ? .relaxed : .full,
            readOnly: self["read_only"].bool ?? false,
            maxBytes: self["max_bytes"].integer.map { UInt64($0) }, actor: self["actor"].text,
            replay: members?["replay"] == .null ? nil : replay)
    }
}

/// `recordCreated` as the vectors have it: `record_created`.
func snake(_ name: String) -> String {
    name.reduce(into: "") { text, character in
        text += character.isUppercase ? "_" + character.lowercased() : String(character)
    }
}
