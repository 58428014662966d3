import Dispatch
import Glibc
import SmartVM
import Synchronization

/// The person's side of a running command: keyboard, screen and signals.
struct Interaction: Sendable {
    let passesInput: Bool
    let usesTerminal: Bool

    init(_ options: ProcessOptions) {
        passesInput = options.interactive
        usesTerminal = options.terminal
    }

    /// Whether a person types.
    static var hasTerminal: Bool { isatty(0) == 1 && isatty(1) == 1 }

    /// The size of the terminal that the command gets; a size of its own where there is none here.
    var terminalSize: GuestCommand.TerminalSize? {
        usesTerminal ? Self.currentSize() ?? .init(rows: 24, columns: 80) : nil
    }

    static func currentSize() -> GuestCommand.TerminalSize? {
        var size = winsize()
        guard ioctl(0, UInt(TIOCGWINSZ), &size) == 0 || ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0
        else { return nil }
        return .init(rows: size.ws_row, columns: size.ws_col)
    }

    /// Passes every key through to the guest while `body` runs, if the command has a terminal and so have we.
    func withRawTerminal<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        guard usesTerminal, passesInput, isatty(0) == 1 else { return try await body() }
        var before = termios()
        tcgetattr(0, &before)
        var raw = before
        cfmakeraw(&raw)
        tcsetattr(0, TCSADRAIN, &raw)
        defer { tcsetattr(0, TCSADRAIN, &before) }
        return try await body()
    }
}

/// Signals that come to smartvm, as a stream.
///
/// They are ignored first, so that the kernel's default does not end the process before the guest is cleaned up.
final class SignalEvents: Sendable {
    let stream: AsyncStream<Int32>
    private let sources: Mutex<[any DispatchSourceSignal]>

    init(_ signals: [Int32]) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        sources = Mutex(
            signals.map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInitiated))
                source.setEventHandler { continuation.yield(number) }
                source.resume()
                return source
            })
    }
}

/// Standard input, read on a thread of its own: nothing can interrupt a read of a terminal.
enum StandardInput {
    /// The pieces as they come; ends at the end of the input. One piece is read ahead at most.
    static func pieces() -> AsyncStream<[UInt8]> {
        let room = DispatchSemaphore(value: 1)
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let thread = DispatchQueue(label: "smartvm.stdin")
        thread.async {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = buffer.withUnsafeMutableBytes { read(0, $0.baseAddress, $0.count) }
                if count < 0 && errno == EINTR { continue }
                if count < 0 && errno == EAGAIN {
                    // Input that somebody else made non-blocking has not ended.
                    var poll = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
                    Glibc.poll(&poll, 1, -1)
                    continue
                }
                if count <= 0 { break }
                room.wait()
                continuation.yield(Array(buffer[..<count]))
            }
            continuation.finish()
        }
        return AsyncStream {
            var iterator = stream.makeAsyncIterator()
            let piece = await iterator.next()
            if piece != nil { room.signal() }
            return piece
        }
    }
}
