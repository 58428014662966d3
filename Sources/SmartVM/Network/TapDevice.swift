/// The network interface of one guest: its end on the host, and what the guest is to call itself.
public struct TapDevice: Hashable, Sendable {
    /// The interface on the host, to be given to the VMM as `hostDevName`.
    public var tapName: String
    /// Dotted decimal; likewise below.
    public var guestIp: String
    /// The host's address on the network; the guest's default gateway.
    public var gatewayIp: String
    /// Dotted decimal.
    public var subnetMask: String
    /// The guest's MAC address, in lower case with colons.
    public var mac: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(tapName: String, guestIp: String, gatewayIp: String, subnetMask: String, mac: String) {
        self.tapName = tapName
        self.guestIp = guestIp
        self.gatewayIp = gatewayIp
        self.subnetMask = subnetMask
        self.mac = mac
    }
}
