/// How a guest ends.
public enum Shutdown: UInt8, Hashable, Sendable {
    case powerOff = 0
    case reboot = 1
}

extension Shutdown {
    /// For processes that nobody waits for, in ms.
    public static let shortGrace: UInt32 = 2000

    /// What a guest's processes get of the time that it has to stop, in ms: the rest is for its file systems.
    public static func grace(ofMilliseconds limit: UInt64) -> UInt32 {
        UInt32(clamping: limit - min(limit / 4, 2000))
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        guard let value = Shutdown(rawValue: try reader.integer()) else { throw .invalidValue }
        self = value
    }
}

/// What the host says on a session.
public enum SessionCommand: FrameMessage, Hashable {
    /// The answer to ``SessionReport/hello(_:)``.
    case configure(Configuration)
    /// Ends the guest in good order: its processes have so long after SIGTERM to end by themselves.
    case shutdown(Shutdown, graceMilliseconds: UInt32 = Shutdown.shortGrace)
    /// Sets the wall clock, after a pause for example: nanoseconds since 1970-01-01 00:00 UTC.
    case setTime(nanoseconds: UInt64)

    public var frameType: FrameType {
        switch self {
        case .configure: .configure
        case .shutdown: .shutdown
        case .setTime: .setTime
        }
    }

    public func writePayload(to writer: inout WireWriter) {
        switch self {
        case .configure(let configuration): configuration.write(to: &writer)
        case .shutdown(let shutdown, let grace):
            writer.write(shutdown.rawValue)
            writer.write(grace)
        case .setTime(let nanoseconds): writer.write(nanoseconds)
        }
    }

    public init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError) {
        switch type {
        case .configure: self = .configure(try Configuration(from: &payload))
        case .shutdown:
            self = .shutdown(try Shutdown(from: &payload), graceMilliseconds: try payload.integer())
        case .setTime: self = .setTime(nanoseconds: try payload.integer())
        default: throw .unexpectedFrame(type: type.rawValue)
        }
    }
}

/// What the guest says on a session.
public enum SessionReport: FrameMessage, Hashable {
    /// First on every session.
    case hello(Hello)
    /// The configuration was applied, but for these problems: a sentence each. Without what the failures name, file systems and
    /// network interfaces, the guest is not what it is to be.
    case configured(problems: [String], failures: [String] = [])
    /// The guest has shut down: its processes have ended and its file systems are flushed. The machine stops next.
    case ended(Shutdown)

    public var frameType: FrameType {
        switch self {
        case .hello: .hello
        case .configured: .configured
        case .ended: .ended
        }
    }

    public func writePayload(to writer: inout WireWriter) {
        switch self {
        case .hello(let hello): hello.write(to: &writer)
        case .configured(let problems, let failures):
            writer.write(list: problems) { writer, problem in writer.write(problem) }
            writer.write(list: failures) { writer, failure in writer.write(failure) }
        case .ended(let shutdown): writer.write(shutdown.rawValue)
        }
    }

    public init(_ type: FrameType, payload: inout WireReader) throws(GuestProtocolError) {
        switch type {
        case .hello: self = .hello(try Hello(from: &payload))
        case .configured:
            self = .configured(
                problems: try payload.list { (reader) throws(GuestProtocolError) in try reader.string() },
                failures: try payload.list { (reader) throws(GuestProtocolError) in try reader.string() })
        case .ended: self = .ended(try Shutdown(from: &payload))
        default: throw .unexpectedFrame(type: type.rawValue)
        }
    }
}
