/// What the host says on an exec connection: first ``start(_:)``, then the rest in any order. When it closes the connection, or its
/// writing half, the command and all of its session are killed.
public enum ExecInput: FrameMessage, Hashable {
    case start(ExecRequest)
    /// At most as many bytes, all in all, as the guest gave credit for (``ExecOutput/stdinCredit(_:)``): so that what comes after
    /// never waits behind input that the command does not read.
    case stdin([UInt8])
    /// The end of stdin.
    case stdinClosed
    /// A signal for the command's process group.
    case signal(Int32)
    case resize(ExecRequest.TerminalSize)

    public var frameType: FrameType {
        switch self {
        case .start: .start
        case .stdin: .stdin
        case .stdinClosed: .stdinClosed
        case .signal: .signal
        case .resize: .resize
        }
    }

    public func writePayload(to writer: inout WireWriter) {
        switch self {
        case .start(let request): request.write(to: &writer)
        case .stdin(let bytes): bytes.withUnsafeBytes { writer.append($0) }
        case .stdinClosed: break
        case .signal(let number): writer.write(number)
        case .resize(let size): size.write(to: &writer)
        }
    }

    public init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError) {
        switch type {
        case .start: self = .start(try ExecRequest(from: &payload))
        case .stdin: self = .stdin(payload.rest())
        case .stdinClosed: self = .stdinClosed
        case .signal: self = .signal(try payload.integer())
        case .resize: self = .resize(try ExecRequest.TerminalSize(from: &payload))
        default: throw .unexpectedFrame(type: type.rawValue)
        }
    }
}
