internal import Glibc
internal import Linux
internal import Synchronization

/// What runs on the thread of ``DeviceStreams``.
final class StreamLoop {
    /// Made before the thread, so that whoever starts it learns of a failure.
    struct Inputs: Sendable {
        let shared: DeviceStreams.Shared
        let console: SharedDescriptor?
        let entropy: SharedDescriptor?
        let output: SharedDescriptor
        let epoll: SharedEpoll

        init(
            shared: DeviceStreams.Shared, console: SharedDescriptor?, entropy: SharedDescriptor?,
            output: SharedDescriptor
        ) throws(Errno) {
            self.shared = shared
            self.console = console
            self.entropy = entropy
            self.output = output
            epoll = SharedEpoll(try Epoll())
            try epoll.epoll.add(shared.wake.descriptor.rawValue, .readable, token: Token.wake)
            if let console { try epoll.epoll.add(console.descriptor.rawValue, .readable, token: Token.console) }
            if let entropy { try epoll.epoll.add(entropy.descriptor.rawValue, .readable, token: Token.entropy) }
        }
    }

    final class SharedEpoll: Sendable {
        let epoll: Epoll

        init(_ epoll: consuming Epoll) { self.epoll = epoll }
    }

    private enum Token {
        static let wake: UInt64 = 0
        static let console: UInt64 = 1
        static let entropy: UInt64 = 2
    }

    private let inputs: Inputs
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private var isConsoleOpen: Bool
    private var isEntropyOpen: Bool
    /// Random bytes that were granted and have no place in the socket yet.
    private var owed = 0
    private var waitsForRoom = false
    /// getentropy(3) gives no more at once.
    private static let chunk = 256

    init(_ inputs: Inputs) {
        self.inputs = inputs
        isConsoleOpen = inputs.console != nil
        isEntropyOpen = inputs.entropy != nil
    }

    /// Serves until it is woken, and then takes in what is there.
    func run() throws(Errno) {
        var isWoken = false
        while !isWoken {
            try inputs.epoll.epoll.wait(nanoseconds: timeout) { isWoken = isWoken || $0.token == Token.wake }
            if isConsoleOpen { try relayConsole() }
            if isEntropyOpen { try feedEntropy() }
        }
    }

    private var timeout: Int64 {
        guard isEntropyOpen, let deadline = inputs.shared.state.withLock({ $0.entropy?.deadline }) else { return -1 }
        let now = Clock.monotonicNanoseconds
        return deadline > now ? Int64(clamping: deadline - now) : 0
    }

    /// What there is to read; empty at the end, nil if there is nothing at the moment.
    private func read(_ source: SharedDescriptor) -> ArraySlice<UInt8>? {
        do throws(Errno) {
            let value = source.descriptor.rawValue
            let count = try systemCall { buffer.withUnsafeMutableBytes { Glibc.read(value, $0.baseAddress, $0.count) } }
            return buffer[..<count]
        } catch {
            return error == .wouldBlock ? nil : []
        }
    }

    private func relayConsole() throws(Errno) {
        guard let console = inputs.console else { return }
        while let bytes = read(console) {
            guard !bytes.isEmpty else {
                isConsoleOpen = false
                return try inputs.epoll.epoll.remove(console.descriptor.rawValue)
            }
            let now = Clock.monotonicNanoseconds
            let admitted = inputs.shared.state.withLock { state in
                let admitted = state.console?.admit(bytes.count, now: now) ?? bytes.count
                state.counters.dropped += UInt64(bytes.count - admitted)
                return admitted
            }
            let written = write(bytes.prefix(admitted), to: inputs.output)
            inputs.shared.state.withLock { state in
                // What the limiter drops counts as written, as with Firecracker.
                state.counters.written += UInt64(bytes.count - (admitted - written))
                state.counters.missed += UInt64(admitted - written)
            }
        }
    }

    /// How many bytes were taken at once.
    private func write(_ bytes: ArraySlice<UInt8>, to target: SharedDescriptor) -> Int {
        let value = target.descriptor.rawValue
        var written = 0
        while written < bytes.count {
            let rest = bytes.dropFirst(written)
            let count = try? systemCall { rest.withUnsafeBytes { Glibc.write(value, $0.baseAddress, $0.count) } }
            guard let count else { break }
            written += count
        }
        return written
    }

    private func feedEntropy() throws(Errno) {
        guard let entropy = inputs.entropy else { return }
        while let bytes = read(entropy) {
            let isUnderstood = inputs.shared.state.withLock { $0.entropy?.receive(bytes) ?? false }
            guard !bytes.isEmpty, isUnderstood else {
                isEntropyOpen = false
                return try inputs.epoll.epoll.remove(entropy.descriptor.rawValue)
            }
        }
        let now = Clock.monotonicNanoseconds
        owed += inputs.shared.state.withLock { state in
            state.entropy?.closeRequest()
            return state.entropy?.grant(now: now) ?? 0
        }
        while owed > 0 {
            let count = min(owed, Self.chunk)
            guard buffer.withUnsafeMutableBytes({ getentropy($0.baseAddress, count) }) == 0 else {
                inputs.shared.state.withLock { $0.entropy?.countFailure() }
                break
            }
            let written = write(buffer[..<count], to: entropy)
            owed -= written
            if written < count { break }
        }
        guard waitsForRoom != (owed > 0) else { return }
        waitsForRoom = owed > 0
        try inputs.epoll.epoll.modify(
            entropy.descriptor.rawValue, waitsForRoom ? [.readable, .writable] : .readable, token: Token.entropy)
    }
}
