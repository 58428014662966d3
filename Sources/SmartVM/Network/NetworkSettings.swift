internal import Crypto
internal import GuestProtocol
internal import Linux

/// What each operation of a ``NetworkManager`` needs to know.
struct NetworkSettings: Sendable {
    var subnet: Subnet
    var bridge: String
    var isolatesGuests: Bool
    var openHostPorts: [UInt16]
    /// nil: those of the host.
    var nameServers: [IPAddress]?
    var store: Store
    var firewall = Firewall()
    /// Tells the managers of a process from each other.
    let number = UInt64.random(in: 0...UInt64.max)
    /// Where it is written down what was made; nil: the network is that of one manager of this process.
    var dataDirectory: String?
    /// Called after each effect.
    var step: @Sendable (NetworkStep) -> Void = { _ in }

    /// What guests are to ask for names.
    var effectiveNameServers: [IPAddress] { nameServers ?? HostResolver.nameServers() }

    /// The bridge's own address. Without one of its own it would change with its ports, and guests would lose sight of the gateway.
    var bridgeAddress: MACAddress { MACAddress(seed: SHA256.hash(data: Array("bridge\0\(bridge)\0\(subnet)".utf8))) }
}
