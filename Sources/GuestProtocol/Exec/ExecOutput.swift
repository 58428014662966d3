/// What the guest says on an exec connection: ``started(pid:monotonicMicroseconds:)``, output and credit, and at last one of
/// ``exited(status:)``, ``signaled(number:)`` and ``failed(status:message:)`` (which may also come first), after which it closes.
/// All output that came before the end has been sent by then.
public enum ExecOutput: FrameMessage, Hashable {
    /// The command runs: its pid in the guest, and the guest's monotonic clock in µs.
    case started(pid: Int32, monotonicMicroseconds: UInt64)
    case stdout([UInt8])
    case stderr([UInt8])
    /// The host may send that many more bytes of stdin.
    case stdinCredit(UInt32)
    case exited(status: Int32)
    case signaled(number: Int32)
    /// It was not started: 127 if it was not found, 126 if it cannot be executed, 125 for anything else; and a sentence.
    case failed(status: Int32, message: String)

    public var frameType: FrameType {
        switch self {
        case .started: .started
        case .stdout: .stdout
        case .stderr: .stderr
        case .stdinCredit: .stdinCredit
        case .exited: .exited
        case .signaled: .signaled
        case .failed: .failed
        }
    }

    public func writePayload(to writer: inout WireWriter) {
        switch self {
        case .started(let pid, let monotonicMicroseconds):
            writer.write(pid)
            writer.write(monotonicMicroseconds)
        case .stdout(let bytes), .stderr(let bytes): bytes.withUnsafeBytes { writer.append($0) }
        case .stdinCredit(let bytes): writer.write(bytes)
        case .exited(let number), .signaled(let number): writer.write(number)
        case .failed(let status, let message):
            writer.write(status)
            writer.write(message)
        }
    }

    public init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError) {
        switch type {
        case .started: self = .started(pid: try payload.integer(), monotonicMicroseconds: try payload.integer())
        case .stdout: self = .stdout(payload.rest())
        case .stderr: self = .stderr(payload.rest())
        case .stdinCredit: self = .stdinCredit(try payload.integer())
        case .exited: self = .exited(status: try payload.integer())
        case .signaled: self = .signaled(number: try payload.integer())
        case .failed: self = .failed(status: try payload.integer(), message: try payload.string())
        default: throw .unexpectedFrame(type: type.rawValue)
        }
    }
}
