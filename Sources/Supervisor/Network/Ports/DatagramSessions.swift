internal import Linux
internal import Reactor

/// The UDP sessions of all published ports of a VM: one for each client of a port.
final class DatagramSessions: EventHandler {
    struct Key: Hashable {
        var port: Int
        var client: SocketAddress
    }

    static let maximumSessions = 256
    /// In nanoseconds: of a client that was never answered, and of one that was.
    private static let patience: UInt64 = 60_000_000_000
    private static let answeredPatience: UInt64 = 120_000_000_000
    private static let sweepMilliseconds = 5000

    private let loop: EventLoop
    private var table = SessionTable<Key, DatagramSession>(limit: maximumSessions)

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// The session of a client, which has sent something.
    func session(_ key: Key) -> DatagramSession? {
        table.use(key, at: Clock.monotonicNanoseconds)
    }

    func add(_ session: DatagramSession, _ key: Key) {
        if table.isEmpty { loop.schedule(milliseconds: Self.sweepMilliseconds, handler: self, source: 0) }
        let evicted = table.insert(session, for: key, at: Clock.monotonicNanoseconds, patience: Self.patience)
        evicted?.close()
    }

    /// The guest has answered.
    func answered(_ key: Key) {
        _ = table.use(key, at: Clock.monotonicNanoseconds, patience: Self.answeredPatience)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        for session in table.removeExpired(at: Clock.monotonicNanoseconds) { session.close() }
        if !table.isEmpty { loop.schedule(milliseconds: Self.sweepMilliseconds, handler: self, source: 0) }
    }
}

/// A client of a published UDP port: a socket of its own towards the guest, so that the guest's answers find the way back.
final class DatagramSession: EventHandler {
    /// Datagrams that are passed on before others have their turn.
    static let datagramsAtOnce = 32

    private let socket: Descriptor
    private let loop: EventLoop
    /// Gets what the guest answers.
    private let answer: (UnsafeRawBufferPointer) -> Void
    private var registration: EventLoop.Registration?

    init(
        to guest: SocketAddress, loop: EventLoop, answer: @escaping (UnsafeRawBufferPointer) -> Void
    ) throws(Errno) {
        socket = try InternetSocket.startConnecting(.udp, to: guest)
        self.loop = loop
        self.answer = answer
        registration = try loop.add(socket.rawValue, [.readable], handler: self, source: 0)
    }

    /// What the guest does not take now is lost, as datagrams may be.
    func send(_ datagram: UnsafeRawBufferPointer) {
        _ = try? socket.write(datagram)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        for _ in 0..<Self.datagramsAtOnce where registration != nil {
            // That nobody listens in the guest is no end: somebody may later.
            guard let count = try? socket.read(into: loop.buffer) else { return }
            answer(UnsafeRawBufferPointer(rebasing: loop.buffer.prefix(count)))
        }
    }

    func close() {
        if let registration = registration.take() { loop.remove(registration) }
    }
}
