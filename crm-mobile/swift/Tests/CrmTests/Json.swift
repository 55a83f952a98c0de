import Foundation

/// A JSON document, as the shared vectors are written in.
indirect enum Json: Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case array([Json])
    case object([String: Json])

    subscript(key: String) -> Json {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    var array: [Json]? { if case .array(let array) = self { array } else { nil } }
    var members: [String: Json]? { if case .object(let members) = self { members } else { nil } }
    var isNull: Bool { self == .null }

    /// The value at a JSON pointer.
    func at(_ pointer: String) -> Json {
        pointer.split(separator: "/").reduce(self) { place, step in
            if case .array(let items) = place, let index = Int(step), index < items.count {
                return items[index]
            }
            return place[String(step)]
        }
    }

    /// The same with saved values put in, and repeated texts written out.
    func filled(_ saved: [String: Json]) -> Json {
        switch self {
        case .text(let text):
            if text.wholeMatch(of: #/\$[a-z][a-z0-9_]*/#) != nil {
                guard let value = saved[String(text.dropFirst())] else {
                    return text == "$any" ? self : .text("never saved: \(text)")
                }
                return value
            }
            guard let folder = saved["dir"]?.text else { return self }
            return .text(text.replacingOccurrences(of: "$dir", with: folder))
        case .array(let items):
            return .array(items.map { $0.filled(saved) })
        case .object(let members):
            if let repeated = members["$repeat"]?.array, let text = repeated[0].text,
                let times = repeated[1].integer
            {
                return .text(String(repeating: text, count: Int(times)))
            }
            return .object(members.mapValues { $0.filled(saved) })
        default:
            return self
        }
    }

    /// Where this does not match what was expected; `nil` if it does.
    func mismatch(_ expected: Json, exact: Bool = false, at path: String = "") -> String? {
        switch (expected, self) {
        case (.text("$any"), _):
            return isNull ? "\(path): expected a value" : nil
        case (.object(let wanted), .object(let found)):
            if exact, let surplus = found.keys.first(where: { wanted[$0] == nil }) {
                return "\(path)/\(surplus): not expected"
            }
            for (key, value) in wanted {
                let inside = exact || key == "values" || key == "typed"
                if exact, found[key] == nil { return "\(path)/\(key): missing" }
                let given = found[key] ?? .null
                if let fault = given.mismatch(value, exact: inside, at: "\(path)/\(key)") {
                    return fault
                }
            }
            return nil
        case (.array(let wanted), .array(let found)):
            if wanted.count != found.count {
                return "\(path): \(found.count) elements instead of \(wanted.count)"
            }
            for (index, pair) in zip(found, wanted).enumerated() {
                if let fault = pair.0.mismatch(pair.1, exact: exact, at: "\(path)/\(index)") {
                    return fault
                }
            }
            return nil
        case (.integer(let wanted), .number(let found)):
            return Double(wanted) == found ? nil : "\(path): \(found) instead of \(wanted)"
        case (.number(let wanted), .integer(let found)):
            return wanted == Double(found) ? nil : "\(path): \(found) instead of \(wanted)"
        case (.text(let wanted), .text(let found)):
            // Swift takes é and e + ´ for equal; here every code point counts.
            return wanted.unicodeScalars.elementsEqual(found.unicodeScalars)
                ? nil : "\(path): another text"
        default:
            return self == expected ? nil : "\(path): \(self) instead of \(expected)"
        }
    }
}
