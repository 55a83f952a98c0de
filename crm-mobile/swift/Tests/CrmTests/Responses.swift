import Crm
import Foundation

// From the typed responses back to the JSON that the vectors expect.

protocol Wire { var json: Json { get } }

func json(_ text: String?) -> Json { text.map { .text($0) } ?? .null }
func json(_ number: Int64?) -> Json { number.map { .integer($0) } ?? .null }
func json(_ number: UInt64) -> Json { .integer(Int64(number)) }
func json<T: Wire>(_ items: [T]) -> Json { .array(items.map(\.json)) }
func json(_ values: Values) -> Json { .object(values.mapValues(\.json)) }
func json(_ value: Value?) -> Json { value?.json ?? .null }
func json(_ moment: Date?) -> Json {
    guard let moment, case .text(let text) = Value(moment) else { return .null }
    // As the engine prints it: the shortest fraction.
    var short = text.dropLast()
    while short.hasSuffix("0") { short.removeLast() }
    if short.hasSuffix(".") { short.removeLast() }
    return .text(short + "Z")
}

extension Value: Wire {
    var json: Json {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let number): .integer(number)
        case .real(let number): .number(number)
        case .text(let text): .text(text)
        case .list(let items): .array(items.map { .text($0) })
        case .money(let money):
            .object(["amount": .text(money.amount), "currency": .text(money.currency)])
        case .address(let address):
            .object(
                [
                    "street": address.street, "city": address.city, "region": address.region,
                    "postal_code": address.postalCode, "country": address.country,
                ].compactMapValues { $0.map { .text($0) } })
        case .file(let file): file.json
        }
    }
}

extension FileRef: Wire {
    var json: Json {
        .object([
            "hash": .text(hash), "name": .text(name), "media_type": .text(mediaType),
            "size": CrmTests.json(size),
        ])
    }
}

extension Record: Wire {
    var json: Json {
        .object([
            "type": .text(entityType), "id": .text(id), "version": .integer(version),
            "created_at": CrmTests.json(createdAt), "updated_at": CrmTests.json(updatedAt),
            "archived_at": CrmTests.json(archivedAt), "values": CrmTests.json(values),
            "typed": CrmTests.json(typed),
        ])
    }
}

extension ChoiceOption: Wire {
    var json: Json {
        .object([
            "value": .text(value), "label": .text(label), "order": .integer(Int64(order)),
            "hidden": .bool(hidden),
        ])
    }
}

extension Attribute: Wire {
    var json: Json {
        .object([
            "name": .text(name), "kind": .text(snake("\(kind)")), "label": .text(label),
            "description": .text(description), "required": .bool(required),
            "unique": .bool(unique), "index": .bool(index),
            "searched": .bool(searched), "default": CrmTests.json(self.default),
            "options": CrmTests.json(options), "minimum": CrmTests.json(minimum),
            "maximum": CrmTests.json(maximum), "length": CrmTests.json(length.map(Int64.init)),
            "pattern": CrmTests.json(pattern), "scale": CrmTests.json(scale.map(Int64.init)),
            "currency": CrmTests.json(currency), "target": CrmTests.json(target),
            "formula": CrmTests.json(formula), "sensitivity": .text("\(sensitivity)"),
            "purpose": CrmTests.json(purpose),
        ])
    }
}

extension EntityType: Wire {
    var json: Json {
        .object([
            "name": .text(name), "label": .text(label), "description": .text(description),
            "attributes": CrmTests.json(attributes),
            "archived_attributes": CrmTests.json(archivedAttributes),
            "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension HistoryEntry: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "at": CrmTests.json(at), "actor": .text(actor),
            "cause": CrmTests.json(cause), "kind": .text(snake("\(kind)")),
            "version": .integer(version), "values": CrmTests.json(values),
            "is_erased": .bool(isErased),
        ])
    }
}

extension Change: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "device": .text(device), "device_seq": .integer(deviceSeq),
            "hlc": .integer(hlc), "at": CrmTests.json(at), "transaction": .integer(transaction),
            "actor": .text(actor), "cause": CrmTests.json(cause), "kind": .text(snake("\(kind)")),
            "type": CrmTests.json(entityType), "record_id": CrmTests.json(recordId),
            "values": CrmTests.json(values), "definition": CrmTests.json(definition),
            "activity": activity?.json ?? .null, "association": association?.json ?? .null,
            "is_erased": .bool(isErased),
        ])
    }
}

extension NextTimer: Wire {
    var json: Json {
        .object(["due_at": CrmTests.json(dueAt), "ticked_at": CrmTests.json(tickedAt)])
    }
}

extension Simulation: Wire {
    var json: Json {
        .object([
            "done": CrmTests.json(done), "failures": CrmTests.json(failures),
            "made": CrmTests.json(made),
            "changes": CrmTests.json(changes),
        ])
    }
}

extension Tick: Wire {
    var json: Json {
        .object([
            "at": CrmTests.json(at), "done": CrmTests.json(done), "is_complete": .bool(isComplete),
            "due_at": CrmTests.json(dueAt), "failures": CrmTests.json(failures),
            "failed": CrmTests.json(failed),
        ])
    }
}

extension FailedTimer: Wire {
    var json: Json {
        .object([
            "room": .text("\(room)"), "name": .text(name), "record": record.json,
            "due_at": CrmTests.json(dueAt), "again_at": CrmTests.json(againAt),
            "problem": problem.json,
        ])
    }
}

extension AuditReport: Wire {
    var json: Json {
        .object([
            "type": .text(entityType), "at": CrmTests.json(at), "records": CrmTests.json(records),
            "attributes": CrmTests.json(attributes), "findings": CrmTests.json(findings),
            "text": .text(text),
        ])
    }
}

extension AttributeAudit: Wire {
    var json: Json {
        .object([
            "attribute": .text(attribute), "kind": .text(snake("\(kind)")),
            "filled": CrmTests.json(filled), "missing": CrmTests.json(missing),
            "distinct": CrmTests.json(distinct.map(Int64.init)),
        ])
    }
}

extension AuditFinding: Wire {
    var json: Json {
        .object([
            "rule": .text("\(rule)"), "attribute": CrmTests.json(attribute),
            "count": CrmTests.json(count), "examples": .array(examples.map { .text($0) }),
            "value": CrmTests.json(value), "expected": CrmTests.json(expected),
            "lower": lower.map { .number($0) } ?? .null,
            "upper": upper.map { .number($0) } ?? .null,
        ])
    }
}

extension Consumer: Wire {
    var json: Json {
        .object([
            "name": .text(name), "acknowledged": .integer(acknowledged),
            "lag": CrmTests.json(lag), "acknowledged_at": CrmTests.json(acknowledgedAt),
        ])
    }
}

extension Problem: Wire {
    var json: Json {
        .object([
            "kind": .text(kind), "field": CrmTests.json(field), "message": .text(message),
            "hint": CrmTests.json(hint),
        ])
    }
}

extension ChangeOutcome: Wire {
    var json: Json {
        .object([
            "outcome": .text("\(outcome)"), "id": CrmTests.json(id),
            "version": CrmTests.json(version), "problem": problem?.json ?? .null,
        ])
    }
}

extension ApplyReport: Wire {
    var json: Json {
        .object([
            "outcomes": CrmTests.json(outcomes), "failed": CrmTests.json(failed),
            "is_committed": .bool(isCommitted),
        ])
    }
}

extension ImportReport: Wire {
    var json: Json {
        .object([
            "rows": CrmTests.json(rows), "created": CrmTests.json(created),
            "updated": CrmTests.json(updated), "unchanged": CrmTests.json(unchanged),
            "rejected": CrmTests.json(rejected), "problems": CrmTests.json(problems),
            "problem_counts": CrmTests.json(problemCounts), "is_cancelled": .bool(isCancelled),
            "is_committed": .bool(isCommitted),
        ])
    }
}

extension CellProblem: Wire {
    var json: Json {
        .object([
            "row": CrmTests.json(row), "column": CrmTests.json(column), "kind": .text(kind),
            "message": .text(message), "hint": CrmTests.json(hint),
            "rejects_row": .bool(rejectsRow),
        ])
    }
}

extension ProblemCount: Wire {
    var json: Json {
        .object([
            "column": CrmTests.json(column), "kind": .text(kind), "hint": CrmTests.json(hint),
            "count": CrmTests.json(count),
        ])
    }
}

extension ColumnMapping: Wire {
    var json: Json {
        .object([
            "column": .text(column), "attribute": .text(attribute),
            "format": CrmTests.json(format), "time_zone": CrmTests.json(timeZone),
            "decimal_separator": CrmTests.json(decimalSeparator),
            "group_separator": CrmTests.json(groupSeparator),
            "list_separator": CrmTests.json(listSeparator), "lookup": CrmTests.json(lookup),
            "rule": CrmTests.json(rule.map { snake("\($0)") }),
        ])
    }
}

extension DatabaseStats: Wire {
    var json: Json {
        .object([
            "file_bytes": CrmTests.json(fileBytes), "wal_bytes": CrmTests.json(walBytes),
            "free_bytes": CrmTests.json(freeBytes), "changes": CrmTests.json(changes),
            "files": CrmTests.json(files),
            "types": .array(
                types.map {
                    .object(["type": .text($0.entityType), "records": CrmTests.json($0.records)])
                }),
        ])
    }
}

/// The name of a case in the file and in JSON: `doubleOptIn` is `double_opt_in`.
func named<T>(_ value: T) -> Json {
    .text(
        "\(value)".reduce(into: "") { name, letter in
            name += letter.isUppercase ? "_\(letter.lowercased())" : String(letter)
        })
}
