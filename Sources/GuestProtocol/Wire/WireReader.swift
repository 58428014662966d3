/// Reads what ``WireWriter`` writes, from bytes that nobody vouches for: no count is believed before the bytes are there.
///
/// The view must stay valid as long as the reader is used.
public struct WireReader {
    private let view: UnsafeRawBufferPointer
    private var offset = 0

    public init(_ view: UnsafeRawBufferPointer) {
        self.view = view
    }

    /// What `body` reads from the bytes of an array.
    static func read<Value>(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(GuestProtocolError) -> Value
    ) throws(GuestProtocolError) -> Value {
        let result: Result<Value, GuestProtocolError> = bytes.withUnsafeBytes { view in
            do throws(GuestProtocolError) { return .success(try body(view)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The bytes that were not read yet.
    public var remaining: Int { view.count - offset }

    public mutating func integer<Integer: FixedWidthInteger>(
        _ type: Integer.Type = Integer.self
    ) throws(GuestProtocolError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard remaining >= size else { throw .truncated }
        let value = view.loadUnaligned(fromByteOffset: offset, as: Integer.self)
        offset += size
        return Integer(littleEndian: value)
    }

    public mutating func boolean() throws(GuestProtocolError) -> Bool {
        switch try integer(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .invalidValue
        }
    }

    /// A view of bytes that have their count in front.
    public mutating func countedView() throws(GuestProtocolError) -> UnsafeRawBufferPointer {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining else { throw .truncated }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: view[offset..<(offset + count)])
    }

    public mutating func byteString() throws(GuestProtocolError) -> [UInt8] {
        [UInt8](try countedView())
    }

    public mutating func string() throws(GuestProtocolError) -> String {
        guard let text = String(validating: try countedView(), as: UTF8.self) else { throw .invalidText }
        return text
    }

    /// A list whose elements take at least one byte each.
    public mutating func list<Element>(
        _ element: (inout WireReader) throws(GuestProtocolError) -> Element
    ) throws(GuestProtocolError) -> [Element] {
        let count = Int(try integer(UInt32.self))
        guard count <= remaining else { throw .truncated }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    public mutating func optional<Value>(
        _ value: (inout WireReader) throws(GuestProtocolError) -> Value
    ) throws(GuestProtocolError) -> Value? {
        try boolean() ? try value(&self) : nil
    }

    /// All bytes that were not read yet.
    public mutating func rest() -> [UInt8] {
        defer { offset = view.count }
        return [UInt8](view[offset...])
    }

    /// Throws unless everything was read.
    public func finish() throws(GuestProtocolError) {
        if remaining > 0 { throw .trailingBytes(count: remaining) }
    }
}
