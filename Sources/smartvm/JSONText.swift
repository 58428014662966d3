import FoundationEssentials

/// What `--format json` prints: keys in order, so that two outputs can be compared.
enum JSONText {
    static func of(_ value: some Encodable) throws -> String {
        try text(value, .prettyPrinted)
    }

    /// On one line, for a stream.
    static func line(of value: some Encodable) throws -> String {
        try text(value, [])
    }

    private static func text(_ value: some Encodable, _ form: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [form, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
