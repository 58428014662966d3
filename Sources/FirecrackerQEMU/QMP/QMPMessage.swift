internal import FirecrackerAPI

/// What QEMU says on its monitor: one JSON object a line.
enum QMPMessage: Hashable {
    case greeting
    case result(id: UInt64?, JSONValue)
    case refusal(id: UInt64?, description: String)
    case event(QMPEvent)

    /// Nil for a line that is none of these.
    init?(_ line: [UInt8]) {
        guard let value = try? JSONValue(decoding: line), case .object(let members) = value else { return nil }
        var id: UInt64?
        if case .number(.unsigned(let number)) = members["id"] { id = number }
        if members["QMP"] != nil {
            self = .greeting
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
