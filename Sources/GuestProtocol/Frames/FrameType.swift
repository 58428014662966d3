/// The kinds of frames, of all connections: the byte after a frame's length.
public enum FrameType: UInt8, Hashable, Sendable, CaseIterable {
    // Session, host to guest.
    case configure = 0x10
    case shutdown = 0x11
    case setTime = 0x12
    // Session, guest to host.
    case hello = 0x18
    case configured = 0x19
    case ended = 0x1a
    // Exec, host to guest.
    case start = 0x20
    case stdin = 0x21
    case stdinClosed = 0x22
    case signal = 0x23
    case resize = 0x24
    // Exec, guest to host.
    case started = 0x28
    case stdout = 0x29
    case stderr = 0x2a
    case stdinCredit = 0x2b
    case exited = 0x2c
    case signaled = 0x2d
    case failed = 0x2e
    // Files, host to guest.
    case fileRequest = 0x30
    case fileDataEnd = 0x31
    // Files, both ways.
    case fileData = 0x32
    // Files, guest to host.
    case fileFinished = 0x38
    case fileFailed = 0x39
    // Usage, guest to host.
    case usage = 0x48

    /// Whether the payload is a part of a byte stream, whose cutting into frames means nothing.
    public var isData: Bool {
        switch self {
        case .stdin, .stdout, .stderr, .fileData: true
        default: false
        }
    }

    /// The longest payload in bytes.
    public var maximumPayload: Int {
        isData ? Self.maximumData : Self.maximumControl
    }

    /// The longest payload of a data frame: 256 KiB.
    public static let maximumData = 256 << 10
    /// The longest payload of any other frame: 4 MiB.
    public static let maximumControl = 4 << 20
}
