/// A version of numbers with dots between them, ordered by the numbers: 6.1.102 is newer than 6.1.99.
struct NumericVersion: Hashable, Sendable {
    let components: [Int]

    /// Reads `1.16.1`. No sign, blank, suffix or empty part is taken.
    ///
    /// - Parameter parts: How many numbers there must be.
    init?(_ text: some StringProtocol, parts: ClosedRange<Int> = 1...4) {
        let fields = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.contains(fields.count) else { return nil }
        var components: [Int] = []
        for field in fields {
            guard (1...9).contains(field.utf8.count), field.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(field)
            else { return nil }
            components.append(number)
        }
        self.components = components
    }
}

extension NumericVersion: Comparable {
    static func < (one: Self, other: Self) -> Bool {
        one.components.lexicographicallyPrecedes(other.components)
    }
}

extension NumericVersion: CustomStringConvertible {
    var description: String { components.map(String.init).joined(separator: ".") }
}
