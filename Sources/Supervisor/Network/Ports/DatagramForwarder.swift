internal import Linux
internal import Reactor

/// A published UDP port: what clients send goes to the guest, and what it answers goes back to each of them from the published port.
final class DatagramForwarder: EventHandler {
    private let socket: Descriptor
    /// Tells it from the VM's other ports.
    private let port: Int
    private let guest: SocketAddress
    private let sessions: DatagramSessions
    private let loop: EventLoop

    /// It works from now on.
    static func start(
        _ socket: consuming Descriptor, port: Int, guest: SocketAddress, sessions: DatagramSessions, loop: EventLoop
    ) throws(Errno) {
        let forwarder = DatagramForwarder(socket, port, guest, sessions, loop)
        _ = try loop.add(forwarder.socket.rawValue, [.readable], handler: forwarder, source: 0)
    }

    private init(
        _ socket: consuming Descriptor, _ port: Int, _ guest: SocketAddress, _ sessions: DatagramSessions,
        _ loop: EventLoop
    ) {
        self.socket = socket
        self.port = port
        self.guest = guest
        self.sessions = sessions
        self.loop = loop
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        for _ in 0..<DatagramSession.datagramsAtOnce {
            guard let (count, sender) = try? InternetSocket.receive(from: socket.rawValue, into: loop.buffer) else {
                return
            }
            guard let sender, let session = session(of: sender) else { continue }
            session.send(UnsafeRawBufferPointer(rebasing: loop.buffer.prefix(count)))
        }
    }

    private func session(of client: SocketAddress) -> DatagramSession? {
        let key = DatagramSessions.Key(port: port, client: client)
        if let session = sessions.session(key) { return session }
        let session = try? DatagramSession(to: guest, loop: loop) { [weak self] answer in
            guard let self else { return }
            sessions.answered(key)
            try? InternetSocket.send(answer, to: client, from: socket.rawValue)
        }
        if let session { sessions.add(session, key) }
        return session
    }
}
