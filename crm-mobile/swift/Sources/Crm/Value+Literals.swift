import Foundation

// Values written as Swift writes them, and read back.

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
    ExpressibleByArrayLiteral
{
    public init(stringLiteral text: String) { self = .text(text) }
    public init(integerLiteral number: Int64) { self = .integer(number) }
    public init(floatLiteral number: Double) { self = .real(number) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral items: String...) { self = .list(items) }
}

extension Value {
    /// An exact decimal number, for an attribute of kind `decimal`.
    public init(_ number: Decimal) { self = .text("\(number)") }

    /// An instant, for an attribute of kind `timestamp`, to the microsecond. One that no calendar knows
    /// is refused where it is handed in.
    public init(_ instant: Date) {
        let scaled = (instant.timeIntervalSince1970 * 1_000_000).rounded()
        guard let micros = Int64(exactly: scaled) else {
            self = .text("\(instant.timeIntervalSince1970)")
            return
        }
        let (seconds, fraction) = micros.quotientAndRemainder(dividingBy: 1_000_000)
        let whole = fraction < 0 ? seconds - 1 : seconds
        let rest = fraction < 0 ? fraction + 1_000_000 : fraction
        let formatter = ISO8601DateFormatter()
        let text = formatter.string(from: Date(timeIntervalSince1970: Double(whole)))
        let digits = String(rest)
        let padded = String(repeating: "0", count: 6 - digits.count) + digits
        self = .text(text.replacingOccurrences(of: "Z", with: ".\(padded)Z"))
    }

    /// An amount in a currency.
    public init(_ amount: Decimal, _ currency: String) {
        self = .money(Money(amount: "\(amount)", currency: currency))
    }

    /// The text, if it is one.
    public var string: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// The whole number, if it is one.
    public var integer: Int64? {
        if case .integer(let number) = self { number } else { nil }
    }

    /// The number, whole or not, if it is one.
    public var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .real(let number): number
        default: nil
        }
    }

    /// True or false, if it is one of them.
    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The texts, if it is a list.
    public var strings: [String]? {
        if case .list(let items) = self { items } else { nil }
    }

    /// The amount of money, if it is one.
    public var money: Money? {
        if case .money(let money) = self { money } else { nil }
    }

    /// Whether there is no value.
    public var isNull: Bool { self == .null }
}
