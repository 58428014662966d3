/// Writes compact JSON.
package struct JSONWriter {
    /// What was written.
    package private(set) var bytes: [UInt8] = []
    /// Whether a comma is due before the next member or element, for each open bracket.
    private var needsComma: [Bool] = [false]
    /// Whether a model's optional members are written as null where they are nil, or left out.
    let showsNulls: Bool

    /// Each parameter sets the property of its name, which says what it means.
    package init(showsNulls: Bool = true) {
        self.showsNulls = showsNulls
    }

    private mutating func separate() {
        let last = needsComma.count - 1
        if needsComma[last] { bytes.append(UInt8(ascii: ",")) }
        needsComma[last] = true
    }

    /// Writes text as it is.
    package mutating func raw(_ text: String) {
        separate()
        bytes += text.utf8
    }

    /// Writes `null`.
    package mutating func null() { raw("null") }

    /// Writes a truth value.
    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    /// Writes an integer.
    package mutating func number(_ value: some FixedWidthInteger) { raw(String(value)) }

    /// Writes a text, escaped.
    package mutating func string(_ value: String) {
        separate()
        appendQuoted(value)
    }

    /// The name of a member; its value must follow.
    package mutating func name(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma[needsComma.count - 1] = false
    }

    /// Writes braces and what the closure writes between them.
    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        nested(UInt8(ascii: "{"), UInt8(ascii: "}"), members)
    }

    /// Writes brackets and what the closure writes between them.
    package mutating func array(_ elements: (inout JSONWriter) -> Void) {
        nested(UInt8(ascii: "["), UInt8(ascii: "]"), elements)
    }

    /// Writes any value.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let flag): bool(flag)
        case .number(let number): raw(number.description)
        case .string(let text): string(text)
        case .array(let elements):
            array { writer in
                for element in elements { writer.value(element) }
            }
        case .object(let object):
            self.object { writer in
                for member in object.members {
                    writer.name(member.name)
                    writer.value(member.value)
                }
            }
        }
    }

    private mutating func nested(_ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(open)
        needsComma.append(false)
        body(&self)
        needsComma.removeLast()
        bytes.append(close)
    }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += [0x5c, 0x22]
            case UInt8(ascii: "\\"): bytes += [0x5c, 0x5c]
            case 0x08: bytes += "\\b".utf8
            case 0x09: bytes += "\\t".utf8
            case 0x0a: bytes += "\\n".utf8
            case 0x0c: bytes += "\\f".utf8
            case 0x0d: bytes += "\\r".utf8
            case 0..<0x20: bytes += "\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue {
    /// Compact JSON text.
    public var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// Reads JSON text.
    ///
    /// - Parameter refusingDuplicates: Whether a member that is there twice is a fault; otherwise the later one counts. Default: false.
    public init(decoding bytes: [UInt8], refusingDuplicates: Bool = false) throws(JSONFault) {
        self = try JSONReader.read(bytes) { (reader) throws(JSONFault) in
            reader.refusesDuplicates = refusingDuplicates
            return try reader.readValue()
        }
    }
}
