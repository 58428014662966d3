extension JSONReader {
    // MARK: Objects

    /// Whether a member follows, whose name then stands at hand. `isFirst` is the caller's, true at the start.
    mutating func hasMember(_ isFirst: inout Bool) throws(JSONFault) -> Bool {
        guard let byte = skipWhitespace() else { throw faultAtPeek("EOF while parsing an object") }
        if byte == UInt8(ascii: "}") { return false }
        if isFirst {
            isFirst = false
            if byte != UInt8(ascii: "\"") { throw faultAtPeek("key must be a string") }
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw faultAtPeek("expected `,` or `}`") }
        index += 1
        switch skipWhitespace() {
        case UInt8(ascii: "\""): return true
        case UInt8(ascii: "}"): throw faultAtPeek("trailing comma")
        case nil: throw faultAtPeek("EOF while parsing a value")
        default: throw faultAtPeek("key must be a string")
        }
    }

    /// The name of a member that ``hasMember(_:)`` promised.
    mutating func readName() throws(JSONFault) -> String {
        index += 1
        return try readStringBody()
    }

    mutating func readColon() throws(JSONFault) {
        guard let byte = skipWhitespace() else { throw faultAtPeek("EOF while parsing an object") }
        if byte != UInt8(ascii: ":") { throw faultAtPeek("expected `:`") }
        index += 1
    }

    mutating func endObject() throws(JSONFault) {
        switch skipWhitespace() {
        case UInt8(ascii: "}"): index += 1
        case UInt8(ascii: ","): throw faultAtPeek("trailing comma")
        case nil: throw faultAtPeek("EOF while parsing an object")
        default: throw faultAtPeek("trailing characters")
        }
    }

    // MARK: Arrays

    /// Whether an element follows. `isFirst` is the caller's, true at the start.
    mutating func hasElement(_ isFirst: inout Bool) throws(JSONFault) -> Bool {
        guard let byte = skipWhitespace() else { throw faultAtPeek("EOF while parsing a list") }
        if byte == UInt8(ascii: "]") { return false }
        if isFirst {
            isFirst = false
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw faultAtPeek("expected `,` or `]`") }
        index += 1
        switch skipWhitespace() {
        case UInt8(ascii: "]"): throw faultAtPeek("trailing comma")
        case nil: throw faultAtPeek("EOF while parsing a value")
        default: return true
        }
    }

    mutating func endArray() throws(JSONFault) {
        switch skipWhitespace() {
        case UInt8(ascii: "]"): index += 1
        case UInt8(ascii: ","):
            index += 1
            let isComma = skipWhitespace() == UInt8(ascii: "]")
            throw faultAtPeek(isComma ? "trailing comma" : "trailing characters")
        case nil: throw faultAtPeek("EOF while parsing a list")
        default: throw faultAtPeek("trailing characters")
        }
    }

    // MARK: Both

    enum Container {
        case object
        case array
    }

    /// Reads a container of one of the `accepted` kinds with `body`, which stops before the closing bracket. That is
    /// read here, even behind a fault: there a fault without a position gets one.
    mutating func readContainer<Value>(
        _ accepted: [Container], expected: String,
        _ body: (inout JSONReader, Container) throws(JSONFault) -> Value
    ) throws(JSONFault) -> Value {
        do throws(JSONFault) {
            let kind: Container
            switch try startOfValue() {
            case UInt8(ascii: "{") where accepted.contains(.object): kind = .object
            case UInt8(ascii: "[") where accepted.contains(.array): kind = .array
            default: throw invalidType(expected: expected)
            }
            let result = try nested { (reader) throws(JSONFault) in try body(&reader, kind) }
            let end = Result { () throws(JSONFault) in try kind == .object ? endObject() : endArray() }
            let value = try result.get()
            try end.get()
            return value
        } catch {
            throw positioned(error)
        }
    }

    mutating func readArray<Element>(
        _ element: (inout JSONReader) throws(JSONFault) -> Element
    ) throws(JSONFault) -> [Element] {
        try readContainer([.array], expected: "a sequence") { (reader, _) throws(JSONFault) in
            var elements: [Element] = []
            var isFirst = true
            while try reader.hasElement(&isFirst) { elements.append(try element(&reader)) }
            return elements
        }
    }

    // MARK: Anything

    /// Reads any value.
    package mutating func readValue() throws(JSONFault) -> JSONValue {
        switch try startOfValue() {
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            return .bool(try readBool())
        case UInt8(ascii: "-"):
            index += 1
            return .number(try readNumber(isPositive: false))
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try readNumber(isPositive: true))
        case UInt8(ascii: "\""):
            return .string(try readString())
        case UInt8(ascii: "["):
            return .array(try readArray { (reader) throws(JSONFault) in try reader.readValue() })
        case UInt8(ascii: "{"):
            return try readContainer([.object], expected: "a map") { (reader, _) throws(JSONFault) in
                var object = JSONObject()
                var isFirst = true
                while try reader.hasMember(&isFirst) {
                    let name = try reader.readName()
                    if reader.refusesDuplicates, object[name] != nil { throw .duplicateField(name) }
                    try reader.readColon()
                    object[name] = try reader.readValue()
                }
                return .object(object)
            }
        default:
            throw faultAtPeek("expected value")
        }
    }
}
