internal import FirecrackerClient
internal import GRDB
internal import Linux

/// An address that is given out, and the TAP of the guest's interface that has it, if it has one.
struct LeaseRecord: Hashable, Sendable {
    /// What makes a lease one of a guest's interface.
    struct Tap: Hashable, Sendable {
        var vm: String
        var interface: String
        var name: String
        /// Lower case with colons.
        var mac: String
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
            Tap(vm: row["vm"] ?? "", interface: row["interface"] ?? "", name: name, mac: row["mac"] ?? "")
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

extension Store {
    /// Gives out the next free address: the one after that which was given out last, and the first again after the last, so that an
    /// address rests before it is another guest's.
    ///
    /// - Parameters:
    ///   - addresses: Those that guests can have.
    ///   - tap: The TAP that is to be made, if one is.
    /// - Returns: nil if all addresses are given out.
    func lease(
        in key: NetworkKey, addresses: ClosedRange<UInt32>, owner: ProcessIdentity, tap: LeaseRecord.Tap? = nil
    ) throws(SmartVMError) -> LeaseRecord? {
        try write { database in
            let taken = try Int64.fetchAll(
                database, sql: "SELECT address FROM lease WHERE namespace = ? AND bridge = ? ORDER BY id",
                arguments: [key.namespace, key.bridge]
            ).map { UInt32(truncatingIfNeeded: $0) }
            guard let address = Self.freeAddress(in: addresses, after: taken.last, taken: Set(taken)) else {
                return nil
            }
            try database.execute(
                sql: """
                    INSERT INTO lease (namespace, bridge, address, vm, interface, tap, mac, ownerPID, ownerStart, ownerBootID)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    key.namespace, key.bridge, Int64(address), tap?.vm, tap?.interface, tap?.name, tap?.mac, owner.pid,
                    Int64(bitPattern: owner.startTime), owner.bootID,
                ])
            return LeaseRecord(id: database.lastInsertedRowID, key: key, address: address, tap: tap, owner: owner)
        }
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
