internal import FirecrackerAPI
public import FirecrackerClient

extension VMConfig {
    /// Reads JSON text whose keys are those of this type. What is missing gets its default; whether the values can work is a question
    /// to ``validate()``.
    ///
    /// - Throws: `INVALID_CONFIG` that says where the text is no JSON, or names every key that is not known and every value of a
    ///   wrong type by its path.
    public init(json text: [UInt8]) throws(SmartVMError) {
        var problems: [ConfigurationProblem] = []
        let config = Self.read(try Self.parse(text), at: .root, &problems)
        guard let config, problems.isEmpty else { throw Self.refusal(problems.map(\.description)) }
        self = config
    }

    /// Everything that is wrong with a configuration in JSON: its keys, the types of their values, and the values themselves.
    ///
    /// - Parameters:
    ///   - text: The JSON.
    ///   - version: Also asks whether this release of Firecracker has all that is used. Default: not asked.
    /// - Throws: `INVALID_CONFIG` if the text is no JSON, with line and column.
    public static func validate(
        json text: [UInt8], for version: FirecrackerVersion? = nil
    ) throws(SmartVMError) -> Validation {
        var problems: [ConfigurationProblem] = []
        guard let config = read(try parse(text), at: .root, &problems) else {
            return Validation(errors: problems.map(\.description))
        }
        // A value that could not be read has its default now: what is wrong with that is not what is wrong with the text.
        let unread = problems.map(\.path)
        problems += config.problems(for: version).filter { problem in
            !unread.contains { $0.overlaps(problem.path) }
        }
        return Validation(errors: problems.map(\.description))
    }

    private static func parse(_ text: [UInt8]) throws(SmartVMError) -> JSONValue {
        do throws(JSONFault) {
            return try JSONValue(decoding: text, refusingDuplicates: true)
        } catch {
            throw SmartVMError(
                .invalidConfiguration, "The configuration cannot be read as JSON: \(error).", underlying: error)
        }
    }

    /// The error of a configuration that cannot be used.
    static func refusal(_ errors: [String]) -> SmartVMError {
        SmartVMError(
            .invalidConfiguration,
            errors.count == 1
                ? "The VM's configuration is wrong: \(errors[0])."
                : "The VM's configuration is wrong in \(errors.count) places:"
                    + errors.map { "\n  \($0)" }.joined(),
            cure: errors.contains("bootSource.kernelImagePath is required")
                ? "Give a kernel, or the name of an image that has one: image." : nil)
    }
}

extension VMConfig: Codable {
    /// - Throws: `DecodingError.dataCorrupted` whose description names every key that is not known and every value of a wrong type
    ///   by its path.
    public init(from decoder: any Decoder) throws {
        var problems: [ConfigurationProblem] = []
        let config = Self.read(try JSONValue(from: decoder), at: .root, &problems)
        guard let config, problems.isEmpty else {
            let description = problems.map(\.description).joined(separator: "; ")
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: description))
        }
        self = config
    }

    /// Writes every key that has a value other than its default, and those that make a device what it is.
    public func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }
}
