internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// QEMU's monitor protocol over one end of a socket pair.
///
/// A command blocks until its answer is there or its time is up; the answers take milliseconds, and the one thread that uses this has
/// nothing better to do. Events that arrive meanwhile wait in ``events``. An answer that comes too late is recognised by its number
/// and dropped. The socket has no name, so that nobody else can reach the monitor.
final class QMPClient {
    private let socket: Descriptor
    private var buffer: [UInt8] = []
    private var lastID: UInt64 = 0
    private(set) var isClosed = false
    /// What happened, oldest first, until somebody takes it.
    private(set) var events: [QMPEvent] = []

    /// QEMU's, once ``open(timeout:)`` has returned.
    private(set) var version = ""

    /// QEMU's answers are some kilobytes.
    private static let longestLine = 4 << 20

    init(_ socket: consuming Descriptor) throws(Errno) {
        try socket.setNonBlocking()
        self.socket = socket
    }

    /// Readable when an event waits, or QEMU has closed the other end.
    var descriptor: Int32 { socket.rawValue }

    /// Waits for the greeting and opens the session. QEMU answers once the machine stands.
    func open(timeout: Duration) throws(QMPError) {
        let deadline = ContinuousClock.now + timeout
        while true {
            guard case .greeting(let version) = try awaitMessage("greeting", until: deadline) else { continue }
            self.version = version
            break
        }
        try execute("qmp_capabilities", timeout: deadline - .now)
    }

    /// Runs a command.
    ///
    /// - Parameter descriptor: Sent along, for the commands that take one.
    @discardableResult
    func execute(
        _ command: String, _ arguments: JSONValue? = nil, passing descriptor: Int32? = nil,
        timeout: Duration = .seconds(10)
    ) throws(QMPError) -> JSONValue {
        lastID += 1
        var request = JSONObject()
        request["execute"] = .string(command)
        request["id"] = .unsigned(lastID)
        request["arguments"] = arguments
        let deadline = ContinuousClock.now + timeout
        try send(JSONValue.object(request).encoded + [UInt8(ascii: "\n")], descriptor, command, until: deadline)
        while true {
            switch try awaitMessage(command, until: deadline) {
            case .result(let id, let value) where id == lastID: return value
            case .refusal(let id, let description) where id == lastID || id == nil:
                throw .refused(command: command, description: description)
            case .event(let event): events.append(event)
            default: break
            }
        }
    }

    /// Waits for an event, which may have happened already; it is forgotten here, and all others are kept.
    func awaitEvent(timeout: Duration, _ isWanted: (QMPEvent) -> Bool) throws(QMPError) {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let index = events.firstIndex(where: isWanted) {
                events.remove(at: index)
                return
            }
            if case .event(let event) = try awaitMessage("event", until: deadline) { events.append(event) }
        }
    }

    /// Takes in what has arrived, without waiting.
    func receiveEvents() throws(QMPError) {
        repeat {
            while let message = try nextMessage() {
                if case .event(let event) = message { events.append(event) }
            }
        } while try receive()
    }

    /// The events so far, which are forgotten here.
    func takeEvents() -> [QMPEvent] {
        defer { events = [] }
        return events
    }

    private func send(
        _ bytes: [UInt8], _ descriptor: Int32?, _ command: String, until deadline: ContinuousClock.Instant
    ) throws(QMPError) {
        var rest = bytes[...]
        var descriptors = descriptor.map { [$0] } ?? []
        while !rest.isEmpty {
            do throws(Errno) {
                rest = rest.dropFirst(
                    try DescriptorPassing.sendSome(Array(rest), descriptors: descriptors, over: socket.rawValue))
                descriptors = []
            } catch {
                guard error == .wouldBlock else { throw .closed }
                try wait(for: POLLOUT, command, until: deadline)
            }
        }
    }

    private func awaitMessage(_ command: String, until deadline: ContinuousClock.Instant) throws(QMPError) -> QMPMessage
    {
        while true {
            if let message = try nextMessage() { return message }
            if try !receive() {
                if isClosed { throw .closed }
                try wait(for: POLLIN, command, until: deadline)
            }
        }
    }

    /// The next complete message in the buffer.
    private func nextMessage() throws(QMPError) -> QMPMessage? {
        while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
            var line = Array(buffer[..<end])
            buffer.removeSubrange(...end)
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty { continue }
            guard let message = QMPMessage(line) else {
                throw .malformed(String(decoding: line.prefix(200), as: UTF8.self))
            }
            return message
        }
        guard buffer.count <= Self.longestLine else { throw .malformed("a line without end") }
        return nil
    }

    /// Reads once. Whether anything came.
    private func receive() throws(QMPError) -> Bool {
        guard !isClosed else { return false }
        do throws(Errno) {
            var chunk = [UInt8](repeating: 0, count: 16 << 10)
            let value = socket.rawValue
            let count = try systemCall { chunk.withUnsafeMutableBytes { read(value, $0.baseAddress, $0.count) } }
            isClosed = count == 0
            buffer += chunk[..<count]
            return count > 0
        } catch {
            if error == .wouldBlock { return false }
            isClosed = true
            return false
        }
    }

    private func wait(
        for events: Int32, _ command: String, until deadline: ContinuousClock.Instant
    ) throws(QMPError) {
        let left = deadline - .now
        guard left > .zero else { throw .timedOut(command: command) }
        let (seconds, attoseconds) = left.components
        var poll = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
        _ = Glibc.poll(&poll, 1, Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1))
    }
}
