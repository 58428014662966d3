internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// What a supervisor does for its VM's network, as the plan has it, from before the guest's first instruction until the supervisor ends:
/// it outlasts the VM's restarts.
///
/// Theory of operation. A guest is believed in nothing, and neither is who answers it or who connects to it: each of them can make this
/// process do only so much at a time. All that waits is counted (queries, connections, sessions), and no bytes wait here but those
/// of queries and their answers: a published port's stay in the kernel's sockets until the other side takes them.
final class NetworkService {
    private static let wantedOpenFiles = 4096

    private let resolver: Resolver?
    private let ports: PortForwarding

    /// - Parameter queryMilliseconds: How long one name server has time for a query.
    init(
        _ plan: NetworkPlan, loop: EventLoop, queryMilliseconds: Int = NameServers.milliseconds
    ) throws(NetworkFault) {
        let openFiles = ResourceLimit.raiseOpenFiles(to: Self.wantedOpenFiles)
        let log = ServiceLog()
        resolver =
            if let resolver = plan.resolver {
                try Resolver(
                    resolver, rules: plan.domainRules, queryMilliseconds: queryMilliseconds, loop: loop, log: log)
            } else { nil }
        // Each connection takes two. The rest goes before, so that this process never lacks one for itself.
        let rest = Resolver.maximumQueries + Resolver.maximumConnections + DatagramSessions.maximumSessions + 128
        ports = try PortForwarding(
            plan.ports, maximumConnections: max(1, (openFiles - rest - plan.ports.count) / 2), loop: loop)
    }

    /// A socket that the starter has left open for this process, which owns it from now on.
    static func inherited(_ descriptor: UInt32, _ use: String) throws(NetworkFault) -> Descriptor {
        // The standard streams, and where the start is reported.
        guard let number = Int32(exactly: descriptor), number > 3, InternetSocket.localAddress(of: number) != nil else {
            throw NetworkFault("descriptor \(descriptor), for \(use), is no socket of the internet")
        }
        let socket = Descriptor(owning: number)
        do throws(Errno) { try socket.setNonBlocking() } catch { throw NetworkFault("\(use): \(error)") }
        return socket
    }
}
