import Glibc
import Synchronization

/// The progress of a copy: a line on standard error that is drawn over itself, if that is a terminal.
final class CopyProgressReporter: Sendable {
    private struct State {
        var lastDrawn: ContinuousClock.Instant?
    }

    private let start = ContinuousClock.now
    private let state = Mutex(State())
    private let isTerminal: Bool

    init(isQuiet: Bool) {
        isTerminal = !isQuiet && isatty(STDERR_FILENO) == 1
    }

    /// Draws ten times a second at most.
    func report(bytes: Int) {
        guard isTerminal else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            if let last = state.lastDrawn, now - last < .milliseconds(100) { return }
            state.lastDrawn = now
            let elapsed = (now - start) / .seconds(1)
            let rate = elapsed > 0.5 ? ", \(ByteSize(Int(Double(bytes) / elapsed)))/s" : ""
            StandardError.write(Array("\r\u{1b}[K\(ByteSize(bytes))\(rate)".utf8))
        }
    }

    /// Takes the line away, and says in its place what has become of it.
    func finish(_ summary: String? = nil) {
        state.withLock { state in
            if state.lastDrawn != nil { StandardError.write(Array("\r\u{1b}[K".utf8)) }
            state.lastDrawn = nil
        }
        if isTerminal, let summary { StandardError.print(summary) }
    }
}
