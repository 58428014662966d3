/// A network that sandboxes can be in, as it is to be made: see ``SandboxManager/createNetwork(_:)``.
public struct NetworkConfig: Hashable, Sendable {
    /// 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit first; not `none`.
    public var name: String
    /// An IPv4 network, prefix length 8 to 30; the first address is the host's. Default: nil, one of 172.30.0.0/16 that is free.
    public var subnet: String?
    /// Whether the guests of the network are kept from reaching each other. Default: false.
    public var isolatesGuests: Bool

    /// Each parameter sets the property of its name, which says what it means.
    public init(name: String, subnet: String? = nil, isolatesGuests: Bool = false) {
        self.name = name
        self.subnet = subnet
        self.isolatesGuests = isolatesGuests
    }
}

/// A network that sandboxes can be in, as it is.
public struct NetworkInfo: Hashable, Sendable, Codable {
    /// A sandbox that runs and is in the network.
    public struct Member: Hashable, Sendable, Codable {
        /// The sandbox's.
        public var id: String
        /// The sandbox's; other members find it by it.
        public var name: String
        /// Dotted decimal.
        public var address: String
        /// Lower case with colons.
        public var macAddress: String
        /// The host's end.
        public var tapName: String
    }

    /// Unique in the data directory.
    public var name: String
    /// As in `172.30.0.0/24`.
    public var subnet: String
    /// The host's address in it.
    public var gateway: String
    /// The bridge on the host, which is there while a guest is.
    public var bridge: String
    /// Whether its guests are kept from reaching each other.
    public var isolatesGuests: Bool
    /// As RFC 3339 writes it, in UTC; nil for the default network before it was first used.
    public var createdAt: String?
    /// Those that run, by name.
    public var members: [Member]
}
