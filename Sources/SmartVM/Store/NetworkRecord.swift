internal import FirecrackerClient
internal import GRDB

/// Which network of which network namespace is meant.
struct NetworkKey: Hashable, Sendable, Codable {
    /// The number of the network namespace.
    var namespace: String
    /// The bridge's name.
    var bridge: String
}

/// A bridge that was, or is about to be, made.
struct NetworkRecord: Hashable, Sendable, Codable {
    var key: NetworkKey
    /// As in `172.30.0.0/24`.
    var subnet: String
    /// What `net.ipv4.ip_forward` was before the first bridge was made.
    var previousForwarding: Bool
    /// The boot of the host in which it was made.
    var bootID: String
}

/// What is written down of networks.
struct NetworkState: Hashable, Sendable {
    var networks: [NetworkRecord]
    var leases: [LeaseRecord]

    /// The leases of a network that have a TAP: they are what keeps it.
    func taps(of key: NetworkKey) -> [LeaseRecord] {
        leases.filter { $0.key == key && $0.tap != nil }
    }
}

extension NetworkRecord: FetchableRecord {
    init(row: Row) {
        self.init(
            key: NetworkKey(namespace: row["namespace"], bridge: row["bridge"]), subnet: row["subnet"],
            previousForwarding: row["previousForwarding"], bootID: row["bootID"])
    }
}

extension Store {
    /// All networks and leases of all network namespaces, as they are at one moment.
    func networkState() throws(SmartVMError) -> NetworkState {
        try read { database in
            NetworkState(
                networks: try NetworkRecord.fetchAll(database, sql: "SELECT * FROM network ORDER BY namespace, bridge"),
                leases: try LeaseRecord.fetchAll(database, sql: "SELECT * FROM lease ORDER BY id"))
        }
    }

    /// The network, if it is made.
    func network(_ key: NetworkKey) throws(SmartVMError) -> NetworkRecord? {
        try networkState().networks.first { $0.key == key }
    }

    /// Adds a network, or writes another in its place.
    func put(_ network: NetworkRecord) throws(SmartVMError) {
        try write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO network VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    network.key.namespace, network.key.bridge, network.subnet, network.previousForwarding,
                    network.bootID,
                ])
        }
    }

    /// Forgets a network; one that is not there is no error.
    func delete(_ key: NetworkKey) throws(SmartVMError) {
        try write { database in
            try database.execute(
                sql: "DELETE FROM network WHERE namespace = ? AND bridge = ?",
                arguments: [key.namespace, key.bridge])
        }
    }
}
