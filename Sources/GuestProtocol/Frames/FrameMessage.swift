/// A message that is the payload of one frame.
public protocol FrameMessage: Sendable {
    var frameType: FrameType { get }
    func writePayload(to writer: inout WireWriter)
    /// - Throws: `unexpectedFrame` for a type that is no message of this kind, or what is wrong with the payload.
    init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError)
}

extension FrameMessage {
    /// Appends the whole frame.
    ///
    /// - Throws: `frameTooLong`; `bytes` is then as it was.
    public func encode(into bytes: inout [UInt8]) throws(GuestProtocolError) {
        let start = bytes.count
        var writer = WireWriter(bytes)
        bytes = []
        writer.write(UInt32(0))
        writer.write(frameType.rawValue)
        writePayload(to: &writer)
        let length = writer.bytes.count - start - FrameHeader.size
        do throws(GuestProtocolError) {
            _ = try FrameHeader(frameType, length: length)
        } catch {
            bytes = Array(writer.bytes[..<start])
            throw error
        }
        writer.patch(UInt32(truncatingIfNeeded: length), at: start)
        bytes = writer.bytes
    }

    /// The whole frame.
    public func encoded() throws(GuestProtocolError) -> [UInt8] {
        var bytes: [UInt8] = []
        try encode(into: &bytes)
        return bytes
    }

    /// The message of a frame's whole payload (or, for a data frame, of any part of it).
    public init(_ type: FrameType, payload: UnsafeRawBufferPointer) throws(GuestProtocolError) {
        var reader = WireReader(payload)
        try self.init(type, payload: &reader)
        try reader.finish()
    }

    /// The message of a frame's whole payload.
    public init(_ type: FrameType, payload: [UInt8]) throws(GuestProtocolError) {
        self = try WireReader.read(payload) { (view) throws(GuestProtocolError) in try Self(type, payload: view) }
    }

    /// The message that a ``FrameDecoder`` found. Bytes of a stream are copied: take them from the piece where that matters.
    public init(_ piece: FrameDecoder.Piece) throws(GuestProtocolError) {
        switch piece {
        case .data(let type, let view):
            try self.init(type, payload: view)
        case .control(let type, let bytes):
            try self.init(type, payload: bytes)
        }
    }
}
