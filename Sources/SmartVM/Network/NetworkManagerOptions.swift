/// The network that a ``NetworkManager`` keeps.
public struct NetworkManagerOptions: Hashable, Sendable {
    /// The guests' IPv4 network, prefix length 8 to 30; the first address is the host's. Default: `172.30.0.0/24`.
    public var subnet: String
    /// The bridge that joins the guests. Default: `svbr0`.
    public var bridgeName: String
    /// Where it is written down what was made on the host. Processes that work with the same directory share the network, and take back
    /// what killed ones have left. Default: nil, the network is this manager's alone and ends with it.
    public var dataDirectory: String?
    /// Whether guests of the network are kept from reaching each other. Default: false.
    public var isolatesGuests: Bool
    /// TCP and UDP ports of the gateway's address that guests may reach on the host, beside DNS (53). Default: none.
    public var openHostPorts: [UInt16]
    /// What the guests ask for names: IPv4 addresses. Default: nil, what the host asks.
    public var nameServers: [String]?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        subnet: String = "172.30.0.0/24", bridgeName: String = "svbr0", dataDirectory: String? = nil,
        isolatesGuests: Bool = false, openHostPorts: [UInt16] = [], nameServers: [String]? = nil
    ) {
        self.subnet = subnet
        self.bridgeName = bridgeName
        self.dataDirectory = dataDirectory
        self.isolatesGuests = isolatesGuests
        self.openHostPorts = openHostPorts
        self.nameServers = nameServers
    }
}
