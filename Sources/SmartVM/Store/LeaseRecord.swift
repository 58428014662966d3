internal import FirecrackerClient
internal import GRDB
internal import Linux

/// An address that is given out, and the TAP of the guest's interface that has it, if it has one.
struct LeaseRecord: Hashable, Sendable {
    /// What makes a lease one of a guest's interface.
    struct Tap: Hashable, Sendable, Codable {
        var vm: String
        var interface: String
        var name: String
        /// Lower case with colons.
        var mac: String
        /// The files by which other guests find this one, one for each name that its VM has, or is about to have.
        var names: [String] = []
        /// What the guest may send to the world, as ``EgressPolicy/text`` has it; nil: everything.
        var egress: String?
        /// Where on the host the guest's questions for names are answered, as ADDRESS:PORT; nil: where it asks.
        var resolver: String?
    }

    /// Given by the database.
    var id: Int64
    var key: NetworkKey
    var address: UInt32
    var tap: Tap?
    var owner: ProcessIdentity
}

extension LeaseRecord: FetchableRecord {
    init(row: Row) {
        let tap = (row["tap"] as String?).map { name in
            Tap(
                vm: row["vm"] ?? "", interface: row["interface"] ?? "", name: name, mac: row["mac"] ?? "",
                names: LeaseRecord.names(row["names"] ?? ""), egress: row["egress"], resolver: row["resolver"])
        }
        self.init(
            id: row["id"], key: NetworkKey(namespace: row["namespace"], bridge: row["bridge"]),
            address: UInt32(truncatingIfNeeded: row["address"] as Int64), tap: tap,
            owner: ProcessIdentity(
                pid: Int32(truncatingIfNeeded: row["ownerPID"] as Int64),
                startTime: UInt64(bitPattern: row["ownerStart"] as Int64),
                bootID: row["ownerBootID"]))
    }
}

extension LeaseRecord {
    /// Names of files hold no space.
    fileprivate static func names(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }
}

extension Store {
    /// Gives out the next free address: the one after that which was given out last, and the first again after the last, so that an
    /// address rests before it is another guest's.
    ///
    /// - Parameters:
    ///   - addresses: Those that guests can have.
    ///   - tap: The TAP that is to be made, if one is.
    ///   - isUsual: Whether the VM gets the address that it had last, if that is free, and is to get this one again.
    /// - Returns: nil if all addresses are given out.
    func lease(
        in key: NetworkKey, addresses: ClosedRange<UInt32>, owner: ProcessIdentity, tap: LeaseRecord.Tap? = nil,
        isUsual: Bool = false
    ) throws(SmartVMError) -> LeaseRecord? {
        try write { database in
            let taken = try Int64.fetchAll(
                database, sql: "SELECT address FROM lease WHERE namespace = ? AND bridge = ? ORDER BY id",
                arguments: [key.namespace, key.bridge]
            ).map { UInt32(truncatingIfNeeded: $0) }
            let usual = isUsual ? try Self.usualAddress(of: tap?.vm ?? "", in: key.bridge, database) : nil
            let isFree = usual.map { addresses.contains($0) && !taken.contains($0) } ?? false
            let kept = try Self.usualAddresses(in: key.bridge, database)
            let address =
                isFree
                ? usual
                : Self.freeAddress(in: addresses, after: taken.last, taken: kept.union(taken))
                    ?? Self.freeAddress(in: addresses, after: taken.last, taken: Set(taken))
            guard let address else { return nil }
            if isUsual, address != usual {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO usualAddress (vm, bridge, address) VALUES (?, ?, ?)",
                    arguments: [tap?.vm, key.bridge, Int64(address)])
            }
            try database.execute(
                sql: """
                    INSERT INTO lease (namespace, bridge, address, vm, interface, tap, mac, ownerPID, ownerStart, ownerBootID,
                        names, egress, resolver)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    key.namespace, key.bridge, Int64(address), tap?.vm, tap?.interface, tap?.name, tap?.mac, owner.pid,
                    Int64(bitPattern: owner.startTime), owner.bootID, tap?.names.joined(separator: " "), tap?.egress,
                    tap?.resolver,
                ])
            return LeaseRecord(id: database.lastInsertedRowID, key: key, address: address, tap: tap, owner: owner)
        }
    }

    private static func usualAddress(of vm: String, in bridge: String, _ database: Database) throws -> UInt32? {
        try Int64.fetchOne(
            database, sql: "SELECT address FROM usualAddress WHERE vm = ? AND bridge = ?", arguments: [vm, bridge]
        ).map { UInt32(truncatingIfNeeded: $0) }
    }

    private static func usualAddresses(in bridge: String, _ database: Database) throws -> Set<UInt32> {
        Set(
            try Int64.fetchAll(
                database, sql: "SELECT address FROM usualAddress WHERE bridge = ?", arguments: [bridge]
            ).map { UInt32(truncatingIfNeeded: $0) })
    }

    /// The leases of a VM.
    func leases(ofVM vm: String) throws(SmartVMError) -> [LeaseRecord] {
        try read { try LeaseRecord.fetchAll($0, sql: "SELECT * FROM lease WHERE vm = ? ORDER BY id", arguments: [vm]) }
    }

    /// Forgets leases; ones that are not there are no error.
    func delete(leases ids: [Int64]) throws(SmartVMError) {
        if ids.isEmpty { return }
        try write { database in
            for id in ids { try database.execute(sql: "DELETE FROM lease WHERE id = ?", arguments: [id]) }
        }
    }

    /// The first free address after `last`, and from the beginning if there is none.
    static func freeAddress(in addresses: ClosedRange<UInt32>, after last: UInt32?, taken: Set<UInt32>) -> UInt32? {
        var candidate = last ?? addresses.upperBound
        // One of more addresses than are taken is free.
        for _ in 0..<min(addresses.count, taken.count + 1) {
            candidate =
                addresses.contains(candidate) && candidate < addresses.upperBound
                ? candidate + 1 : addresses.lowerBound
            if !taken.contains(candidate) { return candidate }
        }
        return nil
    }
}
