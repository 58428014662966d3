/// Reads JSON from bytes, value by value, and faults as serde_json does: the same words, at the same line and column.
///
/// Theory of operation. Firecracker decodes its request bodies with serde_json, whose faults are part of the interface
/// that clients see. They follow from the order in which the decoder walks: it goes through the text once, in the
/// text's order, and the type that is being decoded says at each value what it expects. So this reader has one function
/// for each thing that a type may expect, and the schema (``Schema``) calls them. A fault gets its position in one of
/// two ways. Where the text itself is broken, it is the byte at hand. Where a value is well-formed but unwanted (an
/// unknown field, a missing one, a name that no enum has), the fault travels without a position up to the value that
/// encloses it, which first tries to read its own closing bracket and then notes where reading stands. The second rule
/// is why "missing field" points behind the closing brace.
package struct JSONReader {
    /// Values nested deeper than this are refused.
    static let depthLimit = 128

    let bytes: [UInt8]
    var index = 0
    private var remainingDepth = JSONReader.depthLimit
    /// Whether members that a schema does not know are skipped. A server refuses them (unless the schema says
    /// otherwise), a client does not mind what a newer server adds.
    let skipsUnknownFields: Bool
    /// Whether a member that is there twice is a fault also where no schema says what may be there. A server takes the later one.
    var refusesDuplicates = false

    /// Each parameter sets the property of its name, which says what it means.
    package init(_ bytes: [UInt8], skipsUnknownFields: Bool = false) {
        self.bytes = bytes
        self.skipsUnknownFields = skipsUnknownFields
    }

    /// Reads one value with nothing behind it.
    package static func read<Value>(
        _ bytes: [UInt8], skipsUnknownFields: Bool = false,
        _ body: (inout JSONReader) throws(JSONFault) -> Value
    ) throws(JSONFault) -> Value {
        var reader = JSONReader(bytes, skipsUnknownFields: skipsUnknownFields)
        let value: Value
        do throws(JSONFault) {
            value = try body(&reader)
        } catch {
            throw reader.positioned(error)
        }
        if reader.skipWhitespace() != nil { throw reader.faultAtPeek("trailing characters") }
        return value
    }

    // MARK: Bytes

    /// The next byte that is not white space, which stays unread; nil at the end.
    mutating func skipWhitespace() -> UInt8? {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0a, 0x0d: index += 1
            case let byte: return byte
            }
        }
        return nil
    }

    var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func next() -> UInt8? {
        guard index < bytes.count else { return nil }
        defer { index += 1 }
        return bytes[index]
    }

    // MARK: Faults

    /// A fault behind the byte read last.
    func fault(_ message: String) -> JSONFault { fault(message, at: index) }

    /// A fault behind the byte that comes next.
    func faultAtPeek(_ message: String) -> JSONFault { fault(message, at: min(bytes.count, index + 1)) }

    /// A fault that has no position yet gets the present one.
    func positioned(_ fault: JSONFault) -> JSONFault {
        fault.line == 0 ? self.fault(fault.message) : fault
    }

    private func fault(_ message: String, at end: Int) -> JSONFault {
        let lineStart = (bytes[..<end].lastIndex(of: 0x0a) ?? -1) + 1
        let line = bytes[..<lineStart].count { $0 == 0x0a }
        return JSONFault(message, line: 1 + line, column: end - lineStart)
    }

    // MARK: Values

    /// The first byte of a value, unread.
    mutating func startOfValue() throws(JSONFault) -> UInt8 {
        guard let byte = skipWhitespace() else { throw faultAtPeek("EOF while parsing a value") }
        return byte
    }

    /// Runs `body` one level deeper, behind the opening bracket that stands at hand.
    mutating func nested<Value>(
        _ body: (inout JSONReader) throws(JSONFault) -> Value
    ) throws(JSONFault) -> Result<Value, JSONFault> {
        remainingDepth -= 1
        if remainingDepth == 0 { throw faultAtPeek("recursion limit exceeded") }
        index += 1
        let result: Result<Value, JSONFault>
        do throws(JSONFault) {
            result = .success(try body(&self))
        } catch {
            result = .failure(error)
        }
        remainingDepth += 1
        return result
    }

    /// `n`, `t` or `f` stands at hand: the rest of the word must follow.
    mutating func word(_ word: StaticString) throws(JSONFault) {
        index += 1
        for offset in 1..<word.utf8CodeUnitCount {
            guard let byte = next() else { throw fault("EOF while parsing a value") }
            if byte != word.utf8Start[offset] { throw fault("expected ident") }
        }
    }

    /// True if a `null` was read; otherwise nothing was.
    package mutating func readNull() throws(JSONFault) -> Bool {
        guard skipWhitespace() == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    /// Reads `true` or `false`.
    package mutating func readBool() throws(JSONFault) -> Bool {
        switch try startOfValue() {
        case UInt8(ascii: "t"):
            try word("true")
            return true
        case UInt8(ascii: "f"):
            try word("false")
            return false
        default:
            throw invalidType(expected: "a boolean")
        }
    }

    /// Reads a number that must be whole and fit.
    package mutating func readUnsigned<Value: FixedWidthInteger & UnsignedInteger>(
        expected: String
    ) throws(JSONFault) -> Value {
        let number: JSONNumber
        switch try startOfValue() {
        case UInt8(ascii: "-"):
            index += 1
            number = try readNumber(isPositive: false)
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            number = try readNumber(isPositive: true)
        default:
            throw invalidType(expected: expected)
        }
        switch number {
        case .unsigned(let value):
            if let fitting = Value(exactly: value) { return fitting }
            throw positioned(.invalidValue(.number(number), expected: expected))
        case .negative:
            throw positioned(.invalidValue(.number(number), expected: expected))
        case .floating:
            throw positioned(.invalidType(.number(number), expected: expected))
        }
    }

    /// Reads a text.
    package mutating func readString(expected: String = "a string") throws(JSONFault) -> String {
        guard try startOfValue() == UInt8(ascii: "\"") else { throw invalidType(expected: expected) }
        index += 1
        return try readStringBody()
    }

    /// The fault for a value of another type than `expected`; the value at hand is read as far as its text is needed.
    mutating func invalidType(expected: String) -> JSONFault {
        do throws(JSONFault) {
            let found: JSONFault.Found
            switch peek {
            case UInt8(ascii: "n"):
                try word("null")
                found = .null
            case UInt8(ascii: "t"):
                try word("true")
                found = .boolean(true)
            case UInt8(ascii: "f"):
                try word("false")
                found = .boolean(false)
            case UInt8(ascii: "-"):
                index += 1
                found = .number(try readNumber(isPositive: false))
            case .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
                found = .number(try readNumber(isPositive: true))
            case UInt8(ascii: "\""):
                index += 1
                found = .string(try readStringBody())
            case UInt8(ascii: "["):
                found = .sequence
            case UInt8(ascii: "{"):
                found = .map
            default:
                return faultAtPeek("expected value")
            }
            return positioned(.invalidType(found, expected: expected))
        } catch {
            return error
        }
    }
}
