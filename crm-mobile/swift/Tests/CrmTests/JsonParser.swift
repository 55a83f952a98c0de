import Foundation

/// Reads JSON as RFC 8259 has it. Foundation's decoder makes no difference between `1` and `1.0`, but
/// the vectors do: one is a whole number, the other is not.
struct JsonParser {
    struct Malformed: Error { let offset: Int }

    private let bytes: [UInt8]
    private var place = 0

    static func parse(_ data: Data) throws -> Json {
        var parser = JsonParser(bytes: [UInt8](data))
        let value = try parser.value()
        parser.skipSpace()
        guard parser.place == parser.bytes.count else { throw parser.malformed }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var malformed: Malformed { Malformed(offset: place) }
    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { place += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = [UInt8](text.utf8)
        guard bytes[place...].starts(with: wanted) else { return false }
        place += wanted.count
        return true
    }

    private mutating func value() throws -> Json {
        skipSpace()
        if take("null") { return .null }
        if take("true") { return .bool(true) }
        if take("false") { return .bool(false) }
        switch next {
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "{"): return .object(try object())
        default: return try number()
        }
    }

    private mutating func array() throws -> [Json] {
        place += 1
        var items: [Json] = []
        skipSpace()
        if take("]") { return items }
        repeat { items.append(try value()); skipSpace() } while take(",")
        guard take("]") else { throw malformed }
        return items
    }

    private mutating func object() throws -> [String: Json] {
        place += 1
        var members: [String: Json] = [:]
        skipSpace()
        if take("}") { return members }
        repeat {
            skipSpace()
            let key = try text()
            skipSpace()
            guard take(":") else { throw malformed }
            members[key] = try value()
            skipSpace()
        } while take(",")
        guard take("}") else { throw malformed }
        return members
    }

    private mutating func number() throws -> Json {
        let start = place
        while let byte = next, "+-.eE0123456789".utf8.contains(byte) { place += 1 }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if !text.contains(where: { ".eE".contains($0) }), let integer = Int64(text) {
            return .integer(integer)
        }
        guard let number = Double(text) else { throw malformed }
        return .number(number)
    }

    private mutating func text() throws -> String {
        guard take("\"") else { throw malformed }
        var units: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            place += 1
            guard byte == UInt8(ascii: "\\") else {
                units.append(byte)
                continue
            }
            units += try escape()
        }
        guard take("\"") else { throw malformed }
        return String(decoding: units, as: UTF8.self)
    }

    private mutating func escape() throws -> [UInt8] {
        guard let byte = next else { throw malformed }
        place += 1
        switch byte {
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var units = [try hex()]
            if (0xD800..<0xDC00).contains(units[0]), take("\\u") { units.append(try hex()) }
            return [UInt8](String(decoding: units, as: UTF16.self).utf8)
        default: return [byte]
        }
    }

    private mutating func hex() throws -> UInt16 {
        guard place + 4 <= bytes.count,
            let unit = UInt16(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw malformed }
        place += 4
        return unit
    }
}
