/// What precedes every payload: its length in 4 little-endian bytes, and its type in one.
public struct FrameHeader: Hashable, Sendable {
    public var type: FrameType
    /// The payload's length in bytes.
    public var length: Int

    /// The header's own length in bytes.
    public static let size = 5

    /// - Throws: `frameTooLong`.
    public init(_ type: FrameType, length: Int) throws(GuestProtocolError) {
        guard length <= type.maximumPayload else {
            throw .frameTooLong(type: type.rawValue, length: length, limit: type.maximumPayload)
        }
        self.type = type
        self.length = length
    }

    /// Reads a header from at least ``size`` bytes.
    public init(_ view: UnsafeRawBufferPointer) throws(GuestProtocolError) {
        var reader = WireReader(view)
        let length = Int(try reader.integer(UInt32.self))
        let code = try reader.integer(UInt8.self)
        guard let type = FrameType(rawValue: code) else { throw .unknownFrame(type: code) }
        try self.init(type, length: length)
    }

    /// Writes the header to the first ``size`` bytes of a buffer that has them; for data that is sent from where it lies.
    public func store(to buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: UInt32(truncatingIfNeeded: length).littleEndian, as: UInt32.self)
        buffer.storeBytes(of: type.rawValue, toByteOffset: 4, as: UInt8.self)
    }
}
