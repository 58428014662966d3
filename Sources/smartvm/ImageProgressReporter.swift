import Glibc
import SmartVM
import Synchronization

/// The making of an image on standard error: a bar that is drawn over itself on a terminal, one line per step elsewhere.
final class ImageProgressReporter: Sendable {
    private struct State {
        var step = ""
        var isDrawn = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func report(_ progress: ImageProgress) {
        state.withLock { state in
            if isTerminal {
                let line = Self.bar(progress, width: Self.columns)
                StandardError.write(Array("\r\u{1b}[K\(line)".utf8))
                state.isDrawn = true
            } else if progress.step != state.step {
                StandardError.print(progress.step)
            }
            state.step = progress.step
        }
    }

    /// Takes the bar away, so that what comes next stands at the start of a line.
    func finish() {
        state.withLock { state in
            if state.isDrawn { StandardError.write(Array("\r\u{1b}[K".utf8)) }
            state.isDrawn = false
        }
    }

    private static func bar(_ progress: ImageProgress, width: Int) -> String {
        let percent = Int(progress.fraction * 100)
        let filled = Int(progress.fraction * 20)
        let number = String(repeating: " ", count: max(0, 3 - "\(percent)".count)) + "\(percent)"
        let cells = String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled)
        // One short of the width: a full line would make some terminals begin the next one.
        return String("[\(cells)] \(number)% \(bytes(progress))\(progress.step)".prefix(max(width - 1, 1)))
    }

    /// `12.3/45.6 MiB `; nothing where a step has no bytes.
    private static func bytes(_ progress: ImageProgress) -> String {
        guard let done = progress.completedBytes else { return "" }
        return "\(mebibytes(done))\(progress.totalBytes.map { "/\(mebibytes($0))" } ?? "") MiB "
    }

    private static func mebibytes(_ bytes: Int64) -> String {
        let tenths = (bytes * 10) >> 20
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
