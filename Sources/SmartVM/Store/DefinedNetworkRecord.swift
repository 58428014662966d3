internal import FirecrackerClient
internal import GRDB

/// A network that VMs can name, whether it has a bridge now or not.
struct DefinedNetworkRecord: Hashable, Sendable, Codable {
    var name: String
    var bridge: String
    /// As in `172.30.0.0/24`.
    var subnet: String
    /// Whether somebody has chosen the subnet. If not, it is another one where the host uses this one in another way.
    var hasOwnSubnet: Bool
    var isolatesGuests: Bool
    /// Nanoseconds since 1970.
    var createdAt: Int64

    /// The one that there always is.
    static let defaultName = "default"
}

extension DefinedNetworkRecord: FetchableRecord {
    init(row: Row) {
        self.init(
            name: row["name"], bridge: row["bridge"], subnet: row["subnet"], hasOwnSubnet: row["hasOwnSubnet"],
            isolatesGuests: row["isolatesGuests"], createdAt: row["createdAt"])
    }

    func write(_ database: Database, replaces: Bool) throws {
        try database.execute(
            sql: """
                INSERT OR \(replaces ? "REPLACE" : "IGNORE") INTO definedNetwork
                    (name, bridge, subnet, hasOwnSubnet, isolatesGuests, createdAt)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [name, bridge, subnet, hasOwnSubnet, isolatesGuests, createdAt])
    }
}

extension Store {
    /// All of them, by name.
    func definedNetworks() throws(SmartVMError) -> [DefinedNetworkRecord] {
        try read { try DefinedNetworkRecord.fetchAll($0, sql: "SELECT * FROM definedNetwork ORDER BY name") }
    }

    /// Defines a network.
    ///
    /// - Parameter make: Gives it by those that there are.
    /// - Throws: `NETWORK_EXISTS`; what `make` throws.
    func define(
        _ name: String, _ make: ([DefinedNetworkRecord]) throws -> DefinedNetworkRecord
    ) throws(SmartVMError) -> DefinedNetworkRecord {
        try write { database in
            let others = try DefinedNetworkRecord.fetchAll(database, sql: "SELECT * FROM definedNetwork")
            guard !others.contains(where: { $0.name == name }) else {
                throw SmartVMError(
                    .networkExists, "There is a network \(name) already.",
                    cure: "Choose another name, or remove that one: smartvm network rm \(name)")
            }
            let network = try make(others)
            try network.write(database, replaces: false)
            return network
        }
    }

    /// Writes a network down unless it is.
    ///
    /// - Returns: It as it is written down.
    func ensureDefined(_ network: DefinedNetworkRecord) throws(SmartVMError) -> DefinedNetworkRecord {
        try write { database in
            try network.write(database, replaces: false)
            return try Self.definedNetwork(network.name, database) ?? network
        }
    }

    /// Changes the subnet of a network.
    func setSubnet(_ subnet: String, ofNetwork name: String) throws(SmartVMError) {
        try write { database in
            try database.execute(
                sql: "UPDATE definedNetwork SET subnet = ? WHERE name = ?", arguments: [subnet, name])
        }
    }

    /// Forgets a network.
    ///
    /// - Throws: `NO_SUCH_NETWORK`; `NETWORK_IN_USE` while a VM is to be in it.
    func remove(network name: String) throws(SmartVMError) {
        try write { database in
            try Self.requireNetwork(name, database)
            let members = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM vm WHERE EXISTS (SELECT 1 FROM json_each(vm.config, '$.networks') WHERE value = ?)
                    ORDER BY name LIMIT 4
                    """, arguments: [name])
            guard members.isEmpty else {
                let names = members.prefix(3).joined(separator: ", ") + (members.count > 3 ? " and others" : "")
                throw SmartVMError(
                    .networkInUse, "The network \(name) is that of the VM \(names).",
                    cure: "Remove what is in it first: smartvm rm \(members.prefix(3).joined(separator: " "))")
            }
            try database.execute(sql: "DELETE FROM definedNetwork WHERE name = ?", arguments: [name])
        }
    }

    /// - Throws: `NO_SUCH_NETWORK`. The default one there always is.
    static func requireNetwork(_ name: String, _ database: Database) throws {
        if name == DefinedNetworkRecord.defaultName { return }
        guard try definedNetwork(name, database) != nil else { throw SmartVMError.noSuchNetwork(name) }
    }

    private static func definedNetwork(_ name: String, _ database: Database) throws -> DefinedNetworkRecord? {
        try DefinedNetworkRecord.fetchOne(
            database, sql: "SELECT * FROM definedNetwork WHERE name = ?", arguments: [name])
    }
}

extension SmartVMError {
    static func noSuchNetwork(_ name: String) -> SmartVMError {
        SmartVMError(
            .noSuchNetwork, "There is no network \(name).",
            cure: "See `smartvm network ls`, or make it: smartvm network create \(name)")
    }
}
