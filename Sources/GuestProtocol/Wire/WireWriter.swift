/// Writes the binary form of messages: little-endian integers; strings, byte strings and lists with a 4-byte count in front.
public struct WireWriter: Sendable {
    public private(set) var bytes: [UInt8]

    public init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    public mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func write(_ value: Bool) {
        bytes.append(value ? 1 : 0)
    }

    /// Bytes with their count.
    public mutating func write(_ value: [UInt8]) {
        write(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
    }

    /// UTF-8 with its count of bytes.
    public mutating func write(_ value: String) {
        write(UInt32(truncatingIfNeeded: value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// The count, then each element.
    public mutating func write<Element>(list: [Element], _ body: (inout WireWriter, Element) -> Void) {
        write(UInt32(truncatingIfNeeded: list.count))
        for element in list { body(&self, element) }
    }

    /// Whether there is a value, then the value.
    public mutating func write<Value>(optional: Value?, _ body: (inout WireWriter, Value) -> Void) {
        write(optional != nil)
        if let optional { body(&self, optional) }
    }

    /// Bytes as they are, without a count.
    public mutating func append(_ view: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: view)
    }

    /// Replaces four bytes that were written before.
    mutating func patch(_ value: UInt32, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<(offset + 4), with: $0) }
    }
}
