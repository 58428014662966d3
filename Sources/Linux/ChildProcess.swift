internal import CLinux
internal import Glibc

/// A process held by its pidfd, so that a reused pid can never be meant.
///
/// It may be a child, whose status can be waited for, or any other process (``init(adopting:)``), of which only the end can be seen.
public final class ChildProcess: Sendable {
    public let pid: Int32
    private let pidfd: Int32

    /// How a process ended.
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signaled(Int32)

        /// The status as shells report it: 128 + n for a signal.
        public var shellStatus: Int32 {
            switch self {
            case .exited(let status): status
            case .signaled(let signal): 128 + signal
            }
        }
    }

    /// A child that was just spawned and that nothing else reaps.
    init(pid: Int32) {
        self.pid = pid
        pidfd = clinux_pidfd_open(pid, 0)
    }

    /// Any process. Between looking at it and this call it may have been replaced: compare its ``ProcessIdentity`` afterwards.
    public init(adopting pid: Int32) throws(Errno) {
        self.pid = pid
        pidfd = try systemCall { clinux_pidfd_open(pid, 0) }
    }

    deinit {
        if pidfd >= 0 { close(pidfd) }
    }

    /// Readable when the process has ended; -1 where the kernel could not give one.
    public var descriptor: Int32 { pidfd }

    /// Sends a signal. Nothing happens to a process that has ended.
    public func kill(_ signal: Int32) {
        _ = clinux_pidfd_send_signal(pidfd, signal)
    }

    /// Whether it still runs (a zombie has ended).
    public var isRunning: Bool {
        var poll = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 0
    }

    /// Waits until it has ended, for at most `timeout`. Blocks the thread.
    ///
    /// - Returns: Whether it has ended.
    public func waitForEnd(timeout: Duration) -> Bool {
        // Not ContinuousClock: it belongs to Swift's concurrency, without which the guest agent is linked.
        let (seconds, attoseconds) = min(max(.zero, timeout), .seconds(1 << 40)).components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        let deadline = Int64(clamping: Clock.monotonicNanoseconds / 1_000_000) + milliseconds
        while true {
            let left = max(0, deadline - Int64(clamping: Clock.monotonicNanoseconds / 1_000_000))
            var poll = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
            let result = Glibc.poll(&poll, 1, Int32(clamping: left + 1))
            if result > 0 { return true }
            // poll(2) counts less far.
            if result == 0, left < Int64(Int32.max) { return false }
            if result < 0, Errno.current != .interrupted { return false }
        }
    }

    /// Reaps the child if it has ended: nil if it has not. Throws `noChild` when it is not a child, or was reaped before.
    public func reap() throws(Errno) -> Ending? {
        try wait(options: WEXITED | WNOHANG)
    }

    /// Blocks the thread until the child has ended, and reaps it.
    public func waitUntilExit() throws(Errno) -> Ending {
        while true {
            if let ending = try wait(options: WEXITED) { return ending }
        }
    }

    private func wait(options: Int32) throws(Errno) -> Ending? {
        var pid: pid_t = 0
        var code: Int32 = 0
        var status: Int32 = 0
        let kind = Int32(P_PID.rawValue)
        try systemCall { clinux_waitid(kind, id_t(self.pid), options, &pid, &code, &status) }
        if pid == 0 { return nil }
        return code == Int32(CLD_EXITED) ? .exited(status) : .signaled(status)
    }

    /// Reaps any child that has ended, as PID 1 must: its pid and how it ended, or nil if none has.
    public static func reapAny() throws(Errno) -> (pid: Int32, ending: Ending)? {
        var pid: pid_t = 0
        var code: Int32 = 0
        var status: Int32 = 0
        let kind = Int32(P_ALL.rawValue)
        try systemCall { clinux_waitid(kind, 0, WEXITED | WNOHANG, &pid, &code, &status) }
        if pid == 0 { return nil }
        return (pid, code == Int32(CLD_EXITED) ? .exited(status) : .signaled(status))
    }
}
