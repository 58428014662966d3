/// Takes a connection's bytes as they come and gives its frames.
///
/// A frame is a payload with a ``FrameHeader`` in front. Frames are of two sorts. A *control* frame is one message, and is given
/// whole: it is collected here if it comes in parts, so a connection holds at most one control frame (4 MiB) of memory, and no
/// more than the peer really sent. A *data* frame is a part of a byte stream, so its bytes are given as they come, as a view of
/// the input: they are never copied and never wait for the rest of their frame.
///
/// After an error the connection has no meaning any more and is to be closed; the decoder then gives the same error again.
public struct FrameDecoder: Sendable {
    public enum Piece {
        /// Bytes of a stream, at least one: a view of the input, valid as long as that is.
        case data(FrameType, UnsafeRawBufferPointer)
        /// The payload of a whole message.
        case control(FrameType, [UInt8])
    }

    private enum State: Sendable {
        case header
        case data(FrameType, left: Int)
        case control(FrameType, length: Int)
        case failed(GuestProtocolError)
    }

    private var state = State.header
    /// The part of a header or of a control payload that has come.
    private var collected: [UInt8] = []

    /// The longest control frame that is collected, in bytes.
    private let maximumControl: Int

    /// - Parameter maximumControl: Whoever expects short messages alone need not hold long ones.
    public init(maximumControl: Int = FrameType.maximumControl) {
        self.maximumControl = maximumControl
    }

    /// Whether the bytes so far end with a whole frame. If the peer closes when they do not, a frame was lost.
    public var isAtBoundary: Bool {
        if case .header = state { collected.isEmpty } else { false }
    }

    /// The next piece of `input`, from which it is taken off; nil when all of the input was used.
    public mutating func next(_ input: inout UnsafeRawBufferPointer) throws(GuestProtocolError) -> Piece? {
        while true {
            switch state {
            case .header:
                guard collect(FrameHeader.size, from: &input) else { return nil }
                do throws(GuestProtocolError) {
                    let header = try WireReader.read(collected) { (view) throws(GuestProtocolError) in
                        try FrameHeader(view)
                    }
                    if !header.type.isData, header.length > maximumControl {
                        throw .frameTooLong(
                            type: header.type.rawValue, length: header.length, limit: maximumControl)
                    }
                    collected.removeAll(keepingCapacity: true)
                    state =
                        header.type.isData
                        ? .data(header.type, left: header.length) : .control(header.type, length: header.length)
                } catch {
                    state = .failed(error)
                }
            case .data(let type, let left):
                if left == 0 {
                    state = .header
                    continue
                }
                guard !input.isEmpty else { return nil }
                let piece = UnsafeRawBufferPointer(rebasing: input.prefix(left))
                input = UnsafeRawBufferPointer(rebasing: input.dropFirst(left))
                state = .data(type, left: left - piece.count)
                return .data(type, piece)
            case .control(let type, let length):
                guard collect(length, from: &input) else { return nil }
                let payload = collected
                collected = []
                state = .header
                return .control(type, payload)
            case .failed(let error):
                throw error
            }
        }
    }

    /// Moves bytes from the input until `count` are collected; whether they are.
    private mutating func collect(_ count: Int, from input: inout UnsafeRawBufferPointer) -> Bool {
        let missing = min(count - collected.count, input.count)
        if missing > 0 {
            collected.append(contentsOf: input.prefix(missing))
            input = UnsafeRawBufferPointer(rebasing: input.dropFirst(missing))
        }
        return collected.count == count
    }
}
