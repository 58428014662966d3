internal import Linux
internal import Synchronization

/// The changes of the firewall that are made for each VM. One socket serves all of them: see ``NetlinkSocket/commit(_:)``.
final class Firewall: Sendable {
    private let socket = Mutex<NetlinkSocket?>(nil)

    /// Adds the element of a TAP, and those of its guest's resolver if it has one.
    ///
    /// - Throws: `noSuchFile` if the tables are not there.
    func addGuest(_ key: [UInt8], resolver: GuestResolver? = nil, bridge: String) throws(Errno) {
        let table = FirewallRules.table(bridge)
        var batch = NetfilterBatch()
        batch.addElement(key, to: FirewallRules.set, table: table, family: .bridge)
        try commit(batch)
        // A batch speaks of one family.
        guard let resolver else { return }
        var names = NetfilterBatch()
        names.addElement(
            resolver.mapKey, value: resolver.mapValue, to: GuestResolver.map, table: table, family: .ip)
        names.addElement(resolver.setKey, to: GuestResolver.set, table: table, family: .ip)
        try commit(names)
    }

    /// Removes what ``addGuest(_:resolver:bridge:)`` has added for a resolver, as far as it is there.
    func remove(_ resolver: GuestResolver, bridge: String) throws(Errno) {
        let table = FirewallRules.table(bridge)
        var batch = NetfilterBatch()
        batch.deleteElement(resolver.mapKey, from: GuestResolver.map, table: table, family: .ip)
        batch.deleteElement(resolver.setKey, from: GuestResolver.set, table: table, family: .ip)
        do throws(Errno) {
            try commit(batch)
        } catch .noSuchFile {
            for (key, set) in [(resolver.mapKey, GuestResolver.map), (resolver.setKey, GuestResolver.set)] {
                try remove { $0.deleteElement(key, from: set, table: table, family: .ip) }
            }
        }
    }

    /// Removes a guest's chain and sets, as far as they are there.
    func remove(_ chain: EgressChain) throws(Errno) {
        let table = FirewallRules.table(chain.bridge)
        let key = Subnet.bytes(chain.address)
        var batch = NetfilterBatch()
        batch.deleteElement(key, from: EgressChain.map, table: table, family: .ip)
        batch.deleteChain(chain.name, table: table, family: .ip)
        for set in chain.sets { batch.deleteSet(set, table: table, family: .ip) }
        do throws(Errno) {
            try commit(batch)
        } catch .noSuchFile {
            try remove { $0.deleteElement(key, from: EgressChain.map, table: table, family: .ip) }
            try remove { $0.deleteChain(chain.name, table: table, family: .ip) }
            for set in chain.sets { try remove { $0.deleteSet(set, table: table, family: .ip) } }
        }
    }

    private func remove(_ add: (inout NetfilterBatch) -> Void) throws(Errno) {
        var batch = NetfilterBatch()
        add(&batch)
        do throws(Errno) { try commit(batch) } catch .noSuchFile {}
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

    /// Whether both tables are there.
    func hasTables(bridge: String) throws(Errno) -> Bool {
        try socket.withLock { socket throws(Errno) in
            if socket == nil { socket = try NetlinkSocket(.netfilter) }
            for family in [NetfilterBatch.Family.ip, .bridge] {
                guard try socket?.hasTable(FirewallRules.table(bridge), family: family) == true else { return false }
            }
            return true
        }
    }

    private func commit(_ batch: NetfilterBatch) throws(Errno) {
        try socket.withLock { socket throws(Errno) in
            if socket == nil { socket = try NetlinkSocket(.netfilter) }
            try socket?.commit(batch)
        }
    }
}
