/// A number as the text gave it: whole numbers stay exact over the whole range of 64 bits.
public enum JSONNumber: Hashable, Sendable, CustomStringConvertible {
    /// An integer that is not negative.
    case unsigned(UInt64)
    /// Below zero.
    case negative(Int64)
    /// Finite.
    case floating(Double)

    public var description: String {
        switch self {
        case .unsigned(let value): String(value)
        case .negative(let value): String(value)
        case .floating(let value): (value.sign == .minus ? "-" : "") + Self.text(of: value.magnitude)
        }
    }

    /// The exponents of ten at which serde_json writes a floating number without one.
    private static let plainExponents = -5...15

    /// The shortest digits that give the number back, which Swift knows, laid out as serde_json does.
    private static func text(of magnitude: Double) -> String {
        guard magnitude > 0 else { return "0.0" }
        let parts = magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let all = mantissa.joined()
        let zeros = all.prefix { $0 == "0" }.count
        let digits = all.dropFirst(zeros).reversed().drop { $0 == "0" }.reversed().map(String.init).joined()
        let shift = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        // Of the first digit.
        let exponent = mantissa[0].count - 1 - zeros + shift

        guard plainExponents.contains(exponent) else {
            let fraction = digits.dropFirst()
            let point = fraction.isEmpty ? "" : "."
            return "\(digits.prefix(1))\(point)\(fraction)e\(exponent < 0 ? "" : "+")\(exponent)"
        }
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + digits }
        let whole = digits.prefix(exponent + 1)
        let fraction = digits.dropFirst(exponent + 1)
        return whole + String(repeating: "0", count: exponent + 1 - whole.count) + "."
            + (fraction.isEmpty ? "0" : fraction)
    }
}
