/// How one type of value stands in JSON.
public struct Codec<Value>: Sendable {
    let decode: @Sendable (inout JSONReader) throws(JSONFault) -> Value
    let encode: @Sendable (Value, inout JSONWriter) -> Void
}

/// A type that stands in JSON in one way only.
public protocol WireValue: Sendable {
    /// How the value stands in JSON.
    static var codec: Codec<Self> { get }
}

extension Bool: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<Bool>(
        decode: { (reader) throws(JSONFault) in try reader.readBool() }, encode: { $1.bool($0) })
}

extension String: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<String>(
        decode: { (reader) throws(JSONFault) in try reader.readString() }, encode: { $1.string($0) })
}

extension Codec<String> {
    /// A path of the file system.
    static let path = Codec(
        decode: { (reader) throws(JSONFault) in try reader.readString(expected: "path string") },
        encode: { $1.string($0) })

    /// A string which must have a form of its own.
    ///
    /// - Parameter check: The value as it is kept, or the fault, without a position.
    static func text(
        _ check: @escaping @Sendable (String) throws(JSONFault) -> String
    ) -> Codec {
        Codec(
            decode: { (reader) throws(JSONFault) in try check(try reader.readString()) }, encode: { $1.string($0) })
    }

    /// Whether the string would be decoded.
    func accepts(_ text: String) -> Bool {
        var writer = JSONWriter()
        writer.string(text)
        var reader = JSONReader(writer.bytes)
        return (try? decode(&reader)) != nil
    }
}

extension Codec where Value: FixedWidthInteger & UnsignedInteger & Sendable {
    static func unsigned(_ name: String) -> Codec {
        Codec(
            decode: { (reader) throws(JSONFault) in try reader.readUnsigned(expected: name) }, encode: { $1.number($0) }
        )
    }
}

extension UInt8: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<UInt8>.unsigned("u8")
}

extension UInt16: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<UInt16>.unsigned("u16")
}

extension UInt32: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<UInt32>.unsigned("u32")
}

extension UInt64: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<UInt64>.unsigned("u64")
}

extension UInt: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<UInt>.unsigned("usize")
}

extension Array: WireValue where Element: WireValue {
    /// How it stands in JSON.
    public static var codec: Codec<[Element]> { .array(of: Element.codec) }
}

extension Codec {
    static func array<Element>(of element: Codec<Element>) -> Codec where Value == [Element] {
        Codec(
            decode: { (reader) throws(JSONFault) in
                try reader.readArray { (reader) throws(JSONFault) in try element.decode(&reader) }
            },
            encode: { value, writer in
                writer.array { writer in
                    for item in value { element.encode(item, &writer) }
                }
            })
    }
}

extension JSONValue: WireValue {
    /// How it stands in JSON.
    public static let codec = Codec<JSONValue>(
        decode: { (reader) throws(JSONFault) in try reader.readValue() }, encode: { $1.value($0) })
}
