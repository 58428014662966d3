internal import Linux
internal import Synchronization

/// The changes of the firewall that are made for each VM. One socket serves all of them: see ``NetlinkSocket/commit(_:)``.
final class Firewall: Sendable {
    private let socket = Mutex<NetlinkSocket?>(nil)

    /// Adds the element of a TAP.
    ///
    /// - Throws: `noSuchFile` if the tables are not there.
    func addGuest(_ key: [UInt8], bridge: String) throws(Errno) {
        var batch = NetfilterBatch()
        batch.addElement(key, to: FirewallRules.set, table: FirewallRules.table(bridge), family: .bridge)
        try commit(batch)
    }

    /// Removes the element of a TAP, if it is there.
    func removeGuest(_ key: [UInt8], bridge: String) throws(Errno) {
        var batch = NetfilterBatch()
        batch.deleteElement(key, from: FirewallRules.set, table: FirewallRules.table(bridge), family: .bridge)
        do throws(Errno) { try commit(batch) } catch .noSuchFile {}
    }

    /// Removes both tables, as far as they are there.
    func removeTables(bridge: String) throws(Errno) {
        for family in [NetfilterBatch.Family.ip, .bridge] {
            var batch = NetfilterBatch()
            batch.deleteTable(FirewallRules.table(bridge), family: family)
            do throws(Errno) { try commit(batch) } catch .noSuchFile {}
        }
    }

    private func commit(_ batch: NetfilterBatch) throws(Errno) {
        try socket.withLock { socket throws(Errno) in
            if socket == nil { socket = try NetlinkSocket(.netfilter) }
            try socket?.commit(batch)
        }
    }
}
