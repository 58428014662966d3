internal import FirecrackerClient
internal import GuestProtocol
internal import Linux

/// A socket of the host that is bound to a published port, and listens if it is TCP's: whoever has it has the port.
final class PortSocket: Sendable {
    /// With the port that the kernel has drawn, if that was left to it.
    let port: PublishedPort
    private let socket: Descriptor

    var descriptor: Int32 { socket.rawValue }

    /// - Throws: `PORT_IN_USE`, `PORT_NOT_PERMITTED`, `INVALID_CONFIG` for an address that the host does not have.
    init(_ wanted: PublishedPort) throws(SmartVMError) {
        guard let address = IPAddress(wanted.hostAddress), let number = UInt16(exactly: wanted.hostPort) else {
            throw Self.noAddress(wanted, .invalidArgument)
        }
        let end = SocketAddress(address: address.bytes, port: number)
        do throws(Errno) {
            switch wanted.transport {
            case .tcp: socket = try InternetSocket.listen(at: end)
            case .udp: socket = try InternetSocket.datagrams(at: end)
            }
        } catch {
            throw Self.failure(wanted, error)
        }
        var port = wanted
        if let own = InternetSocket.localAddress(of: socket.rawValue) { port.hostPort = Int(own.port) }
        self.port = port
    }

    private static func failure(_ port: PublishedPort, _ error: Errno) -> SmartVMError {
        let name = "\(port.transport == .tcp ? "TCP" : "UDP") port \(port.hostText)"
        switch error {
        case .addressInUse:
            return SmartVMError(
                .portInUse, "The \(name) of this host is taken by another program, or by another VM.",
                cure: "See which: ss -lnp\(port.transport == .tcp ? "t" : "u") 'sport = :\(port.hostPort)'; "
                    + "choose another port, or 0 for one that is free.",
                underlying: error)
        case .permissionDenied:
            return SmartVMError(
                .portNotPermitted, "This user may not take the \(name) of this host.",
                cure: "Choose a port from 1024, or run it as root.", underlying: error)
        default: return noAddress(port, error)
        }
    }

    private static func noAddress(_ port: PublishedPort, _ error: Errno) -> SmartVMError {
        SmartVMError(
            .invalidConfiguration,
            "The port \(port.hostText) cannot be taken: \(port.hostAddress) is no address of this host (\(error)).",
            cure: "See its addresses with `ip addr`; 127.0.0.1 is this host alone, 0.0.0.0 are all of them.",
            underlying: error)
    }
}
