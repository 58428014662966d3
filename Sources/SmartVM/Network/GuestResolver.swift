internal import GuestProtocol

/// Where on the host one guest's questions for names are answered, as the bridge's rules have it.
///
/// Theory of operation. Each VM that stays has a resolver in its supervisor, at a port of the gateway's that the kernel has drawn. What its
/// guest sends to port 53 of any of the host's addresses goes there: by the map `resolvers` from the guest's address to that of the
/// resolver. The set `questions` lets what has been turned so into the host.
struct GuestResolver: Sendable, Hashable {
    static let map = "resolvers"
    static let set = "questions"

    var guest: UInt32
    var address: UInt32
    var port: UInt16

    /// Nil if the lease's guest has none.
    init?(_ lease: LeaseRecord) {
        guard let parts = lease.tap?.resolver?.split(separator: ":"), parts.count == 2,
            let address = IPAddress(String(parts[0])), address.isIPv4, let port = UInt16(parts[1])
        else { return nil }
        guest = lease.address
        self.address = Subnet.number(address)
        self.port = port
    }

    private var portBytes: [UInt8] { [UInt8(port >> 8), UInt8(port & 0xff), 0, 0] }
    var mapKey: [UInt8] { Subnet.bytes(guest) }
    var mapValue: [UInt8] { Subnet.bytes(address) + portBytes }
    var setKey: [UInt8] { mapKey + mapValue }
    // As nft(8) writes them.
    var mapElement: String { "\(Subnet.text(guest)) : \(Subnet.text(address)) . \(port)" }
    var setElement: String { "\(Subnet.text(guest)) . \(Subnet.text(address)) . \(port)" }
}
