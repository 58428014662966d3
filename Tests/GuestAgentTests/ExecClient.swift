import Glibc
import GuestProtocol
import Linux
import Reactor

@testable import GuestAgent

/// The host's end of an exec session that is served by a thread of this process: the agent's own code over a socket pair.
final class ExecClient {
    private let socket: Descriptor
    private var decoder = FrameDecoder()
    private var received: [ExecOutput] = []

    init() throws {
        // As in the agent: what it writes to may be closed at any time.
        SignalMask.ignoreBrokenPipe()
        let pair = try SocketPair()
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(pair.first.rawValue, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        socket = pair.first
        let other = pair.second.take()
        _ = try Thread("exec session") { SessionThread.serve(other) }
    }

    func send(_ message: ExecInput) throws {
        try socket.writeAll(try message.encoded())
    }

    func send(bytes: [UInt8]) throws {
        try socket.writeAll(bytes)
    }

    /// The next message; nil at the end of the connection.
    func next() throws -> ExecOutput? {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while received.isEmpty {
            let count = try buffer.withUnsafeMutableBytes { try socket.read(into: $0) }
            if count == 0 { return nil }
            try buffer.withUnsafeBytes { view in
                var input = UnsafeRawBufferPointer(rebasing: view[..<count])
                while let piece = try decoder.next(&input) { received.append(try ExecOutput(piece)) }
            }
        }
        return received.removeFirst()
    }

    /// What a whole session gave.
    struct Transcript {
        var pid: Int32?
        var stdout: [UInt8] = []
        var stderr: [UInt8] = []
        var credit = 0
        var last: ExecOutput?

        var stdoutText: String { String(decoding: stdout, as: UTF8.self) }
    }

    /// Reads to the end of the connection, or until `stop` says so.
    func transcript(until stop: (Transcript) -> Bool = { _ in false }) throws -> Transcript {
        var transcript = Transcript()
        while !stop(transcript), let output = try next() {
            switch output {
            case .started(let pid, _): transcript.pid = pid
            case .stdout(let bytes): transcript.stdout += bytes
            case .stderr(let bytes): transcript.stderr += bytes
            case .stdinCredit(let bytes): transcript.credit += Int(bytes)
            case .exited, .signaled, .failed: transcript.last = output
            }
        }
        return transcript
    }

    func run(_ request: ExecRequest) throws -> Transcript {
        try send(.start(request))
        return try transcript()
    }

    static func shell(_ script: String) -> ExecRequest {
        ExecRequest(arguments: ["/bin/sh", "-c", script])
    }
}

/// Serves one session in a loop that ends with it and with its command.
private final class SessionThread: ExecSessionOwner, EventHandler {
    private let loop: EventLoop

    private init(loop: EventLoop) {
        self.loop = loop
    }

    static func serve(_ connection: Int32) {
        let descriptor = Descriptor(owning: connection)
        guard (try? descriptor.setNonBlocking()) != nil,
            let loop = try? EventLoop(bufferSize: FrameHeader.size + FrameType.maximumData)
        else { return }
        let thread = SessionThread(loop: loop)
        let processes = ProcessTable(.watchedChildren, loop: loop)
        guard
            (try? ExecSession(
                descriptor, loop: loop, launcher: CommandLauncher(), processes: processes, owner: thread)) != nil
        else { return }
        try? loop.run()
    }

    func requestArrived() {}

    func sessionEnded() {
        // A killed command is still to be reaped.
        loop.schedule(milliseconds: 300, handler: self, source: 0)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        loop.stop()
    }
}
