internal import CLinux
internal import Glibc

/// A counter that wakes an epoll loop: eventfd(2), non-blocking.
public struct EventCounter: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public init() throws(Errno) {
        descriptor = Descriptor(
            owning: try systemCall { eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) })
    }

    /// Makes the descriptor readable. Safe from every thread.
    public borrowing func signal() {
        eventfd_write(descriptor.rawValue, 1)
    }

    /// Takes the count back to zero.
    public borrowing func drain() {
        var value: eventfd_t = 0
        eventfd_read(descriptor.rawValue, &value)
    }
}

/// A timer that wakes an epoll loop: timerfd on the monotonic clock, non-blocking.
public struct TimerDescriptor: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public init() throws(Errno) {
        descriptor = Descriptor(
            owning: try systemCall {
                timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
    }

    /// Fires once after `delay`, then every `interval`; `nil` disarms.
    public borrowing func arm(after delay: Duration?, every interval: Duration = .zero) throws(Errno) {
        var setting = itimerspec(it_interval: timespec(interval), it_value: timespec(delay ?? .zero))
        // A value of zero would disarm.
        if delay == .zero { setting.it_value.tv_nsec = 1 }
        let value = descriptor.rawValue
        try systemCall { timerfd_settime(value, 0, &setting, nil) }
    }

    /// Takes the count of expirations back to zero.
    public borrowing func drain() {
        var count: UInt64 = 0
        _ = Glibc.read(descriptor.rawValue, &count, 8)
    }
}

extension timespec {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}

/// Signals as something to read: signalfd(2). They must be blocked (``SignalMask/block(_:)``) before any thread starts.
public struct SignalDescriptor: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public init(_ signals: [Int32]) throws(Errno) {
        var set = SignalMask.set(signals)
        descriptor = Descriptor(
            owning: try systemCall { signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)) })
    }

    /// The next pending signal, or nil.
    public borrowing func next() -> Int32? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        return Glibc.read(descriptor.rawValue, &info, size) == size ? Int32(info.ssi_signo) : nil
    }
}

/// The signals that the calling thread, and threads started by it, do not take.
public enum SignalMask {
    public static func block(_ signals: [Int32]) {
        var set = set(signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    public static func unblock(_ signals: [Int32]) {
        var set = set(signals)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Gives a signal its default effect back, and lets it through.
    public static func reset(_ number: Int32) {
        signal(number, SIG_DFL)
        unblock([number])
    }

    /// A write to a closed pipe or socket then answers `EPIPE` instead of ending the process.
    public static func ignoreBrokenPipe() {
        signal(SIGPIPE, SIG_IGN)
    }

    static func set(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }
}
