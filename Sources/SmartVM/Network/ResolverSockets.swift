internal import FirecrackerClient
internal import Linux

/// The sockets on a gateway's address where one guest's questions for names arrive, UDP and TCP at the same port.
final class ResolverSockets: Sendable {
    /// As ADDRESS:PORT.
    let address: String
    private let datagrams: Descriptor
    private let stream: Descriptor

    var datagramDescriptor: Int32 { datagrams.rawValue }
    var streamDescriptor: Int32 { stream.rawValue }

    /// - Parameter gateway: The bridge has it.
    init(gateway: UInt32) throws(SmartVMError) {
        do throws(Errno) {
            var attempt = 0
            while true {
                let datagrams = try InternetSocket.datagrams(
                    at: SocketAddress(address: Subnet.bytes(gateway), port: 0))
                guard let own = InternetSocket.localAddress(of: datagrams.rawValue) else { throw .invalidArgument }
                do throws(Errno) {
                    stream = try InternetSocket.listen(at: own)
                    self.datagrams = datagrams
                    address = "\(Subnet.text(gateway)):\(own.port)"
                    return
                } catch .addressInUse where attempt < 16 {
                    // Another program has the same port for TCP.
                    attempt += 1
                }
            }
        } catch {
            throw .network("Nobody can listen for names at \(Subnet.text(gateway))", error)
        }
    }
}
