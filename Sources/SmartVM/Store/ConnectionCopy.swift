internal import FirecrackerClient
internal import GRDB
internal import Linux

/// What the rows say of how a VM that runs is connected: a database that is lost can so be filled again, and what the VM has in
/// networks is not taken for nobody's.
struct ConnectionCopy: Codable, Hashable, Sendable {
    struct Lease: Codable, Hashable, Sendable {
        /// The marks of the guest's connections follow from it.
        var id: Int64
        var key: NetworkKey
        var address: UInt32
        var tap: LeaseRecord.Tap
    }

    /// The VM's id.
    var vm: String
    /// Its supervisor, as ``ProcessIdentity/line`` has it.
    var owner: String
    var leases: [Lease]
    /// The networks of the leases.
    var networks: [NetworkRecord]
    var definitions: [DefinedNetworkRecord]
    var ports: [ConnectionRecord.Port]
}

extension Store {
    /// What there is to copy of a VM's connection; nil if it has nothing in networks.
    func connectionCopy(ofVM vm: String) throws(SmartVMError) -> ConnectionCopy? {
        let connection = try vmConnections(of: vm)[vm]
        guard let connection, let owner = connection.leases.first?.owner else { return nil }
        let keys = Set(connection.leases.map(\.key))
        let bridges = Set(keys.map(\.bridge))
        return ConnectionCopy(
            vm: vm, owner: owner.line,
            leases: connection.leases.compactMap { lease in
                lease.tap.map { .init(id: lease.id, key: lease.key, address: lease.address, tap: $0) }
            },
            networks: try networkState().networks.filter { keys.contains($0.key) },
            definitions: try definedNetworks().filter { bridges.contains($0.bridge) }, ports: connection.ports)
    }

    /// Writes down again what the database has lost of a VM's connection. What is written down of others meanwhile stays.
    ///
    /// - Returns: Whether the VM has a lease now.
    func takeIn(_ copy: ConnectionCopy) throws(SmartVMError) -> Bool {
        guard let owner = ProcessIdentity(line: copy.owner) else { return false }
        return try write { database in
            for known in copy.definitions { try known.write(database, replaces: false) }
            for network in copy.networks { try network.insertIfMissing(database) }
            for lease in copy.leases { try lease.insertIfMissing(copy.vm, owner, database) }
            let leases = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM lease WHERE vm = ?", arguments: [copy.vm])
            guard let leases, leases > 0 else { return false }
            let ports = try Int.fetchOne(database, sql: "SELECT count(*) FROM port WHERE vm = ?", arguments: [copy.vm])
            if ports == 0 { for port in copy.ports { try port.insert(copy.vm, database) } }
            return true
        }
    }
}

extension NetworkRecord {
    fileprivate func insertIfMissing(_ database: Database) throws {
        try database.execute(
            sql: "INSERT OR IGNORE INTO network VALUES (?, ?, ?, ?, ?)",
            arguments: [key.namespace, key.bridge, subnet, previousForwarding, bootID])
    }
}

extension ConnectionCopy.Lease {
    fileprivate func insertIfMissing(_ vm: String, _ owner: ProcessIdentity, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR IGNORE INTO lease (id, namespace, bridge, address, vm, interface, tap, mac, ownerPID, ownerStart,
                    ownerBootID, names, egress, resolver)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, key.namespace, key.bridge, Int64(address), vm, tap.interface, tap.name, tap.mac, owner.pid,
                Int64(bitPattern: owner.startTime), owner.bootID, tap.names.joined(separator: " "), tap.egress,
                tap.resolver,
            ])
        guard database.changesCount > 0 else { return }
        try database.execute(
            sql: "INSERT OR IGNORE INTO usualAddress (vm, bridge, address) VALUES (?, ?, ?)",
            arguments: [vm, key.bridge, Int64(address)])
    }
}
