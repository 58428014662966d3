internal import Linux
internal import Reactor

/// The servers that are asked for the world's names, in turn, until one answers.
final class NameServers {
    /// Of a query, whatever servers there are: a lost datagram is sent once more, and a guest does not wait forever.
    private static let fewestTries = 2
    private static let mostTries = 3

    /// How long one server has time for a query.
    static let milliseconds = 2000

    private let loop: EventLoop
    private let milliseconds: Int
    private let servers: [SocketAddress]
    /// The one that answered last.
    private var preferred = 0
    /// Queries under way.
    private(set) var queries = 0

    init(_ servers: [String], milliseconds: Int, loop: EventLoop) throws(NetworkFault) {
        self.loop = loop
        self.milliseconds = milliseconds
        var addresses: [SocketAddress] = []
        for server in servers {
            guard let address = SocketAddress(nameServer: server) else {
                throw NetworkFault("'\(server)', a name server's, is no address")
            }
            addresses.append(address)
        }
        self.servers = addresses
    }

    var isEmpty: Bool { servers.isEmpty }

    /// - Parameter then: Called once, later, with the answer, or with nil if there is none.
    func ask(
        _ query: DNSQuery, over transport: InternetSocket.Transport, _ then: @escaping (DNSResponse?) -> Void
    ) {
        queries += 1
        let tries = min(max(servers.count, Self.fewestTries), Self.mostTries)
        attempt(query, transport, preferred, tries) { [weak self] response in
            self?.queries -= 1
            then(response)
        }
    }

    private func attempt(
        _ query: DNSQuery, _ transport: InternetSocket.Transport, _ index: Int, _ left: Int,
        _ then: @escaping (DNSResponse?) -> Void
    ) {
        Exchange.start(query, over: transport, with: servers[index], milliseconds: milliseconds, loop: loop) {
            [weak self] response in
            guard let self else { return then(nil) }
            let next = (index + 1) % servers.count
            guard let response else {
                return left > 1 ? attempt(query, transport, next, left - 1, then) : then(nil)
            }
            // One that cannot or will not say leaves it to the others.
            let code = DNSCode(rawValue: response.code)
            if code == .serverFailure || code == .refused, left > 1, next != index {
                return attempt(query, transport, next, left - 1) { then($0 ?? response) }
            }
            preferred = index
            then(response)
        }
    }
}
