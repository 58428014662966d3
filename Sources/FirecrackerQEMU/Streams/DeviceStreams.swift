internal import FirecrackerAPI
internal import Glibc
internal import Linux
internal import Synchronization

/// The byte streams between QEMU's devices and the world that this process limits: the serial console's output and the random numbers of the
/// entropy device.
///
/// Theory of operation. QEMU writes the console into a pipe, and asks for random numbers over a socket pair (its `rng-egd`). A thread here reads
/// both as fast as QEMU writes, because QEMU holds its main lock while it asks, and applies the limiters: ``ConsoleLimiter`` and
/// ``EntropyFeed``. It never waits for whoever reads the console: what they do not take at once is lost, as with Firecracker. What has no limiter does
/// not come here; QEMU does it by itself.
final class DeviceStreams {
    private let shared: Shared
    private let console: SharedDescriptor?
    private let entropy: SharedDescriptor?
    private var remoteConsole: SharedDescriptor?
    private var remoteEntropy: SharedDescriptor?
    private var thread: Linux.Thread?

    /// The name under which a snapshot keeps the entropy device's levels.
    static let entropyName = "entropy"

    /// What the thread and its owner share.
    final class Shared: Sendable {
        struct State: Sendable {
            var console: ConsoleLimiter?
            var entropy: EntropyFeed?
            var counters = ConsoleCounters()
        }

        struct ConsoleCounters: Sendable {
            var written: UInt64 = 0
            var dropped: UInt64 = 0
            var missed: UInt64 = 0
        }

        let state: Mutex<State>
        let wake: EventCounter

        init(_ state: State) throws(Errno) {
            self.state = Mutex(state)
            wake = try EventCounter()
        }
    }

    /// Nil if nothing is limited.
    ///
    /// - Parameter levels: What was left in the entropy device's limiter, if it is that of a snapshot.
    init?(
        console consoleLimiter: FirecrackerAPI.TokenBucket?, entropy entropyLimiter: FirecrackerAPI.RateLimiter?,
        levels: LimiterLevels? = nil
    ) throws(Errno) {
        let now = Clock.monotonicNanoseconds
        var state = Shared.State()
        state.console = consoleLimiter.flatMap { ConsoleLimiter($0, now: now) }
        state.entropy = entropyLimiter?.effective.map { EntropyFeed($0, levels: levels, now: now) }
        if state.console == nil, state.entropy == nil { return nil }
        (console, remoteConsole) = state.console == nil ? (nil, nil) : try Self.pipe()
        (entropy, remoteEntropy) = state.entropy == nil ? (nil, nil) : try Self.sockets()
        shared = try Shared(state)
    }

    private static func pipe() throws(Errno) -> (SharedDescriptor, SharedDescriptor) {
        let pipe = try Pipe()
        try pipe.read.setNonBlocking()
        return (SharedDescriptor(pipe.read), SharedDescriptor(pipe.write))
    }

    private static func sockets() throws(Errno) -> (SharedDescriptor, SharedDescriptor) {
        let pair = try SocketPair()
        try pair.first.setNonBlocking()
        return (SharedDescriptor(pair.first), SharedDescriptor(pair.second))
    }

    deinit {
        drainAndStop()
    }

    /// What QEMU is to take for its standard output; nil: the console itself.
    var consoleEnd: Int32? { remoteConsole?.descriptor.rawValue }
    var entropyEnd: Int32? { remoteEntropy?.descriptor.rawValue }

    /// Begins, once QEMU has its own copies of the ends.
    ///
    /// - Parameter output: Where the console goes. It is duplicated, and its open file is made non-blocking if the console is limited.
    func begin(output: Int32) throws(Errno) {
        (remoteConsole, remoteEntropy) = (nil, nil)
        let output = SharedDescriptor(try Descriptor.duplicate(output))
        if console != nil { try output.descriptor.setNonBlocking() }
        let inputs = try StreamLoop.Inputs(shared: shared, console: console, entropy: entropy, output: output)
        thread = try Linux.Thread("streams") {
            // Nothing but a mistake in this program can make it fail.
            try? StreamLoop(inputs).run()
        }
    }

    /// Writes out what QEMU has left, once it has ended.
    func drainAndStop() {
        guard let thread = thread.take() else { return }
        shared.wake.signal()
        thread.join()
    }

    /// What is left in the limiters, for a snapshot.
    var levels: [String: LimiterLevels] {
        let now = Clock.monotonicNanoseconds
        guard let levels = shared.state.withLock({ $0.entropy?.levels(now: now) }) else { return [:] }
        return [Self.entropyName: levels]
    }

    /// What has been counted since the last call, by the names of Firecracker's metrics.
    func takeCounters() -> [(group: String, name: String, value: UInt64)] {
        let (console, entropy) = shared.state.withLock { state in
            defer { state.counters = Shared.ConsoleCounters() }
            return (state.counters, state.entropy?.takeCounters() ?? EntropyFeed.Counters())
        }
        return [
            ("uart", "write_count", console.written), ("uart", "rate_limiter_dropped_bytes", console.dropped),
            ("uart", "missed_write_count", console.missed), ("entropy", "entropy_event_count", entropy.requests),
            ("entropy", "entropy_bytes", entropy.bytes),
            ("entropy", "entropy_rate_limiter_throttled", entropy.throttles),
            ("entropy", "rate_limiter_event_count", entropy.limiterEvents),
            ("entropy", "host_rng_fails", entropy.failures),
            ("entropy", "entropy_event_fails", entropy.failures),
        ].filter { $0.2 > 0 }
    }
}
