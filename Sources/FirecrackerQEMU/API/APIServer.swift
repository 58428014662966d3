internal import Glibc
internal import Linux

/// The API's socket and its clients: at most ten, served one after another on the thread of the main loop.
final class APIServer {
    static let connectionLimit = 10

    private let listener: Descriptor
    private let payloadLimit: Int
    private var connections: [Int32: APIConnection] = [:]

    /// Binds the socket with whatever mode the umask leaves. The file is never removed.
    init(path: String, payloadLimit: Int) throws(Errno) {
        listener = try UnixSocket.listen(at: path, mode: nil)
        self.payloadLimit = payloadLimit
    }

    func register(with epoll: borrowing Epoll) throws(Errno) {
        try epoll.add(listener.rawValue, .readable, token: UInt64(listener.rawValue))
    }

    /// Whether an event of the main loop is this server's.
    func owns(_ descriptor: Int32) -> Bool {
        descriptor == listener.rawValue || connections[descriptor] != nil
    }

    func handle(
        _ descriptor: Int32, _ events: Epoll.Events, epoll: borrowing Epoll, answer: (HTTPRequest) -> HTTPResponse
    ) {
        guard descriptor != listener.rawValue else { return acceptClient(epoll) }
        guard let connection = connections[descriptor] else { return }
        let wasSending = connection.hasOutput
        let isAlive: Bool
        if !events.isDisjoint(with: [.error, .hangUp, .readHangUp]) {
            isAlive = false
        } else if wasSending {
            isAlive = connection.send()
        } else {
            isAlive = connection.receive(answer)
        }
        guard isAlive else {
            // Closing takes it out of the epoll set.
            connections[descriptor] = nil
            return
        }
        if connection.hasOutput != wasSending {
            try? epoll.modify(
                descriptor, [connection.hasOutput ? .writable : .readable, .readHangUp], token: UInt64(descriptor))
        }
    }

    private func acceptClient(_ epoll: borrowing Epoll) {
        guard let client = try? UnixSocket.accept(listener.rawValue) else { return }
        let descriptor = client.rawValue
        guard connections.count < Self.connectionLimit else {
            let answer = HTTPResponse.tooManyConnections
            _ = answer.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            return
        }
        let connection = APIConnection(client, payloadLimit: payloadLimit)
        guard (try? epoll.add(descriptor, [.readable, .readHangUp], token: UInt64(descriptor))) != nil else { return }
        connections[descriptor] = connection
    }
}
