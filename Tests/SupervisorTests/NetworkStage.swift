import Linux
import SupervisorProtocol

@testable import Supervisor

/// The services of a supervisor on a loop of their own, with sockets of the loopback address, and a guest that is the test.
final class NetworkStage {
    /// Where names are asked for.
    private(set) var resolver = Peer.loopback()
    /// The published ports, in the plan's order.
    private(set) var ports: [SocketAddress] = []
    private var loop: LoopThread?

    /// - Parameter forwards: Transport and guest's address of each published port.
    init(
        servers: [String] = [], names: [String] = [], rules: [NetworkPlan.DomainRule] = [],
        refusesUnlisted: Bool = false, forwards: [(NetworkPlan.Port.Transport, SocketAddress)] = [],
        queryMilliseconds: Int = NameServers.milliseconds
    ) throws {
        let datagrams = try InternetSocket.datagrams(at: Peer.loopback())
        resolver = try Self.address(of: datagrams)
        let listener = try InternetSocket.listen(at: resolver)
        var plan = NetworkPlan(
            resolver: NetworkPlan.Resolver(
                datagramDescriptor: UInt32(datagrams.take()), streamDescriptor: UInt32(listener.take()),
                guests: ["127.0.0.1"], servers: servers, nameDirectories: names, refusesUnlisted: refusesUnlisted),
            domainRules: rules)
        for (transport, guest) in forwards {
            let socket =
                try transport == .tcp
                ? InternetSocket.listen(at: Peer.loopback()) : InternetSocket.datagrams(at: Peer.loopback())
            ports.append(try Self.address(of: socket))
            plan.ports.append(
                NetworkPlan.Port(
                    transport: transport, descriptor: UInt32(socket.take()), guestAddress: "127.0.0.1",
                    guestPort: UInt32(guest.port)))
        }
        loop = try LoopThread { [plan] in try NetworkService(plan, loop: $0, queryMilliseconds: queryMilliseconds) }
    }

    static func address(of socket: borrowing Descriptor) throws -> SocketAddress {
        guard let address = InternetSocket.localAddress(of: socket.rawValue) else { throw Errno.badDescriptor }
        return address
    }

    /// Asks over UDP; nil if there is no answer in time.
    func ask(_ query: [UInt8], from host: UInt8 = 1, seconds: Double = 15) throws -> [UInt8]? {
        let socket = Peer(try InternetSocket.datagrams(at: Peer.loopback(host: host)))
        try InternetSocket.send(query, to: resolver, from: socket.socket.rawValue)
        return try? socket.read(seconds: seconds)
    }

    func ask(_ name: String, type: UInt16 = DNSType.a) throws -> [UInt8] {
        guard let answer = try ask(DNSMessages.query(name, type: type)) else { throw Errno.timedOut }
        return answer
    }

    /// Asks over TCP, all queries on one connection.
    func askOverTCP(_ queries: [[UInt8]]) throws -> [[UInt8]] {
        let peer = try Peer.connect(to: resolver)
        try peer.write(queries.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xff)] + $0 })
        return try queries.map { _ in
            let length = Int(try exactly(2, of: peer).number(at: 0))
            return try exactly(length, of: peer)
        }
    }

    private func exactly(_ count: Int, of peer: Peer) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try peer.read(upTo: count - bytes.count)
            if more.isEmpty { throw Errno.connectionReset }
            bytes += more
        }
        return bytes
    }
}
