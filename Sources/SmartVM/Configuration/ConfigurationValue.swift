internal import FirecrackerAPI

/// A type that a configuration's JSON can hold.
protocol ConfigurationValue: Hashable, Sendable {
    /// Reads it; nil where it is not of this type, which is noted in `problems`.
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> Self?

    var json: JSONValue { get }

    /// What the fields in it ask of Firecracker.
    func requirements(at path: ConfigurationPath) -> [ConfigurationRequirement]

    /// Every text in it, with its place.
    func texts(at path: ConfigurationPath) -> [(path: ConfigurationPath, text: String)]
}

extension ConfigurationValue {
    func requirements(at path: ConfigurationPath) -> [ConfigurationRequirement] { [] }
    func texts(at path: ConfigurationPath) -> [(path: ConfigurationPath, text: String)] { [] }
}

extension String: ConfigurationValue {
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> String? {
        if case .string(let text) = json { return text }
        problems.append(.init(path: path, text: "must be a string"))
        return nil
    }

    var json: JSONValue { .string(self) }

    func texts(at path: ConfigurationPath) -> [(path: ConfigurationPath, text: String)] { [(path, self)] }
}

extension Bool: ConfigurationValue {
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> Bool? {
        if case .bool(let flag) = json { return flag }
        problems.append(.init(path: path, text: "must be true or false"))
        return nil
    }

    var json: JSONValue { .bool(self) }
}

extension Int: ConfigurationValue {
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> Int? {
        let problem: String
        switch json {
        case .number(.unsigned(let value)):
            if let value = Int(exactly: value) { return value }
            problem = "must be <= \(Int.max)"
        case .number(.negative(let value)): return Int(value)
        // JSON does not tell 2 from 2.0.
        case .number(.floating(let value)):
            if let value = Int(exactly: value) { return value }
            problem = "must be a whole number"
        default: problem = "must be a number"
        }
        problems.append(.init(path: path, text: problem))
        return nil
    }

    var json: JSONValue { .number(self < 0 ? .negative(Int64(self)) : .unsigned(UInt64(self))) }
}

extension UInt32: ConfigurationValue {
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> UInt32? {
        guard let number = Int.read(json, at: path, &problems) else { return nil }
        if let value = UInt32(exactly: number) { return value }
        problems.append(.init(path: path, text: "must be between 0 and \(UInt32.max)"))
        return nil
    }

    var json: JSONValue { .number(.unsigned(UInt64(self))) }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> [Element]? {
        guard case .array(let elements) = json else {
            problems.append(.init(path: path, text: "must be an array"))
            return nil
        }
        var unread = false
        let values = elements.enumerated().compactMap { index, element in
            let value = Element.read(element, at: path.element(index), &problems)
            if value == nil { unread = true }
            return value
        }
        // With a gap, later elements would be called by the numbers of others.
        return unread ? nil : values
    }

    var json: JSONValue { .array(map(\.json)) }

    func requirements(at path: ConfigurationPath) -> [ConfigurationRequirement] {
        enumerated().flatMap { index, element in element.requirements(at: path.element(index)) }
    }

    func texts(at path: ConfigurationPath) -> [(path: ConfigurationPath, text: String)] {
        enumerated().flatMap { index, element in element.texts(at: path.element(index)) }
    }
}

/// One of a few names.
protocol ConfigurationChoice: ConfigurationValue, CaseIterable, RawRepresentable where RawValue == String {
    init?(name: String)
}

extension ConfigurationChoice {
    init?(name: String) { self.init(rawValue: name) }

    static func read(
        _ json: JSONValue, at path: ConfigurationPath, _ problems: inout [ConfigurationProblem]
    ) -> Self? {
        if case .string(let name) = json, let choice = Self(name: name) { return choice }
        let names = allCases.map { "'\($0.rawValue)'" }
        let list = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        problems.append(.init(path: path, text: "must be \(list)"))
        return nil
    }

    var json: JSONValue { .string(rawValue) }
}

extension CacheType: ConfigurationChoice {}
extension IOEngine: ConfigurationChoice {}
extension HugePages: ConfigurationChoice {}
extension CPUTemplate: ConfigurationChoice {}
extension MMDSVersion: ConfigurationChoice {}
extension LogLevel: ConfigurationChoice {}
