internal import FirecrackerAPI

/// What QEMU says on its monitor: one JSON object a line.
enum QMPMessage: Hashable {
    /// The first that QEMU says.
    case greeting(version: String)
    case result(id: UInt64?, JSONValue)
    case refusal(id: UInt64?, description: String)
    case event(QMPEvent)

    /// Nil for a line that is none of these.
    init?(_ line: [UInt8]) {
        guard let value = try? JSONValue(decoding: line), case .object(let members) = value else { return nil }
        var id: UInt64?
        if case .number(.unsigned(let number)) = members["id"] { id = number }
        if let greeting = members["QMP"] {
            self = .greeting(version: Self.version(greeting["version"] ?? .null))
        } else if let result = members["return"] {
            self = .result(id: id, result)
        } else if let error = members["error"] {
            self = .refusal(id: id, description: error["desc"]?.text ?? "no reason given")
        } else if let name = members["event"]?.text {
            self = .event(QMPEvent(name: name, data: members["data"] ?? .null))
        } else {
            return nil
        }
    }

    /// For example `7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)`: the build too, as far as QEMU knows it.
    private static func version(_ value: JSONValue) -> String {
        let numbers = ["major", "minor", "micro"].map { value["qemu"]?[$0]?.unsigned.map { "\($0)" } ?? "?" }
        let package = value["package"]?.text ?? ""
        return numbers.joined(separator: ".") + (package.isEmpty ? "" : " (\(package))")
    }
}

/// Something that happened without being asked for.
struct QMPEvent: Hashable {
    var name: String
    var data: JSONValue
}

extension JSONValue {
    /// A member of an object.
    subscript(name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    /// The text of a string.
    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A whole number that is not negative.
    var unsigned: UInt64? {
        if case .number(.unsigned(let number)) = self { number } else { nil }
    }

    /// An object.
    static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        return .object(object)
    }

    static func unsigned(_ value: UInt64) -> JSONValue {
        .number(.unsigned(value))
    }
}
