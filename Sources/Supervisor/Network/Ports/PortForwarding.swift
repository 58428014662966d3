internal import GuestProtocol
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// The published ports of a VM.
final class PortForwarding {
    private let streams: StreamLimit
    private let datagrams: DatagramSessions

    /// - Parameter maximumConnections: Of TCP, if that is less than ``StreamLimit/maximumConnections``.
    init(_ ports: [NetworkPlan.Port], maximumConnections: Int, loop: EventLoop) throws(NetworkFault) {
        streams = StreamLimit(min(maximumConnections, StreamLimit.maximumConnections))
        datagrams = DatagramSessions(loop: loop)
        for (index, port) in ports.enumerated() {
            let name = "port \(port.guestPort) of the guest"
            guard let address = IPAddress(port.guestAddress), let number = UInt16(exactly: port.guestPort), number > 0
            else { throw NetworkFault("\(name) at '\(port.guestAddress)' is no place to forward to") }
            let guest = SocketAddress(address: address.bytes, port: number)
            let socket = try NetworkService.inherited(port.descriptor, name)
            do throws(Errno) {
                switch port.transport {
                case .tcp: try streams.add(StreamForwarder(socket, guest: guest, limit: streams, loop: loop))
                case .udp:
                    try DatagramForwarder.start(
                        socket, port: index, guest: guest, sessions: datagrams, loop: loop)
                }
            } catch {
                throw NetworkFault("\(name) cannot be served: \(error)")
            }
        }
    }
}
