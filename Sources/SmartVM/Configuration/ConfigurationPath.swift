/// A place in a configuration, as its errors write it: `drives[0].rateLimiter.ops.size`.
struct ConfigurationPath: Hashable, Sendable, CustomStringConvertible {
    private(set) var description = ""

    /// The configuration itself.
    static let root = ConfigurationPath()

    func key(_ name: String) -> Self {
        Self(description: description.isEmpty ? name : "\(description).\(name)")
    }

    func element(_ index: Int) -> Self {
        Self(description: "\(description)[\(index)]")
    }

    /// Whether one of the two is the other, or holds it.
    func overlaps(_ other: Self) -> Bool {
        holds(other) || other.holds(self)
    }

    private func holds(_ other: Self) -> Bool {
        let rest = other.description.utf8.dropFirst(description.utf8.count)
        return description.isEmpty
            || other.description.hasPrefix(description)
                && (rest.isEmpty || rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: "["))
    }
}

/// What is wrong with one place of a configuration.
struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    var path: ConfigurationPath
    /// What follows the path in the sentence.
    var text: String

    var description: String {
        Self.printable(path == .root ? "the configuration \(text)" : "\(path) \(text)")
    }

    /// Texts of a file are repeated in messages, and may hold what a terminal obeys, or begin a line.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "\u{fffd}"
                    default: scalar
                    }
                }))
    }
}

/// A field that is used, and the first release of Firecracker that has it.
struct ConfigurationRequirement: Hashable, Sendable {
    var path: ConfigurationPath
    var since: FirecrackerVersion
}
