internal import GuestProtocol
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// The host's end of the guest's session: the agent says hello, is told who it is, and later whatever the host has to say.
///
/// One connection at a time, and a new one never takes the place of one that stands, because any process in the guest can make one.
final class SessionServer: EventHandler {
    private enum Source: UInt8 {
        case listener, connection
    }

    private let loop: EventLoop
    private let guest: GuestDescription
    private let listener: Descriptor
    private let configured: (_ failures: [String]) -> Void
    private var waiting: EventLoop.Registration?
    private var connection: FramedConnection?
    private var isConfigured = false

    /// - Parameter configured: Called each time that the guest has taken its identity, with what it could not do of what it must: a
    ///   sentence each.
    init(
        at path: String, guest: GuestDescription, loop: EventLoop, configured: @escaping (_ failures: [String]) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.guest = guest
        self.configured = configured
        listener = try UnixSocket.listen(at: path)
        try wait()
    }

    /// Says something to the guest. False if there is no session now.
    func send(_ command: SessionCommand) -> Bool {
        guard isConfigured, let connection else { return false }
        return attempt(connection) { (connection) throws(ConnectionEnd) in try connection.send(command) }
    }

    func close() {
        if let waiting { loop.remove(waiting) }
        waiting = nil
        connection?.close()
        connection = nil
        isConfigured = false
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .listener: acceptGuest()
        case .connection:
            guard let connection else { return }
            _ = attempt(connection) { (connection) throws(ConnectionEnd) in try serve(connection, events) }
        case nil: break
        }
    }

    private func wait() throws(Errno) {
        waiting = try loop.add(listener.rawValue, [.readable], handler: self, source: Source.listener.rawValue)
    }

    private func acceptGuest() {
        do throws(Errno) {
            let socket = try UnixSocket.accept(listener.rawValue)
            connection = try FramedConnection(
                socket, loop: loop, handler: self, source: Source.connection.rawValue,
                maximumControl: GuestWords.maximumMessage)
            // Others wait in the listener's queue.
            if let waiting { loop.remove(waiting) }
            waiting = nil
        } catch {
            // The connection is gone; the agent makes another.
        }
    }

    private func serve(_ connection: FramedConnection, _ events: Epoll.Events) throws(ConnectionEnd) {
        if events.contains(.writable) {
            try connection.flush()
            if !connection.isBlocked { connection.watchForRoom(false) }
        }
        if !events.isDisjoint(with: [.readable, .hangUp, .error]) {
            try connection.receive { (piece) throws(ConnectionEnd) in
                switch try FramedConnection.message(piece, as: SessionReport.self) {
                case .hello:
                    // One that says hello again and again and reads no answer may not fill this process's memory.
                    if connection.isBlocked { throw .closed }
                    try connection.send(SessionCommand.configure(configuration()))
                case .configured(_, let failures):
                    isConfigured = true
                    configured(failures)
                case .ended: break
                }
            }
        }
    }

    /// As of now: time goes on, and no entropy is given out twice.
    private func configuration() -> Configuration {
        var generator = SystemRandomNumberGenerator()
        return guest.configuration(
            wallClockNanoseconds: Clock.realtimeNanoseconds,
            entropySeed: (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// - Returns: Whether it could be done; otherwise the connection is over.
    private func attempt(
        _ connection: FramedConnection, _ body: (FramedConnection) throws(ConnectionEnd) -> Void
    ) -> Bool {
        do throws(ConnectionEnd) {
            try body(connection)
            return true
        } catch {
            connection.close()
            self.connection = nil
            isConfigured = false
            try? wait()
            return false
        }
    }
}
