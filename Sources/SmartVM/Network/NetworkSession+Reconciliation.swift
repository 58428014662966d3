internal import FirecrackerClient
internal import Linux

/// Taking back what killed processes have left.
extension NetworkSession {
    /// Leases of processes that have ended, and networks in which no lease has a TAP. Cheap enough for each operation.
    ///
    /// - Throws: `STORE_UNUSABLE` and the like. What the kernel refuses to remove stays written down.
    @discardableResult
    mutating func takeBackAbandoned() throws(SmartVMError) -> NetworkReconciliation {
        var report = NetworkReconciliation()
        var alive: [ProcessIdentity: Bool] = [:]
        let abandoned = try store.leases().filter { lease in
            if let known = alive[lease.owner] { return !known }
            let isAlive = lease.owner.isAlive
            alive[lease.owner] = isAlive
            return !isAlive
        }
        for lease in abandoned where lease.key.namespace == key.namespace {
            do throws(SmartVMError) {
                try release([lease])
                report.removedTaps += [lease.tap?.name].compactMap { $0 }
                report.releasedIps.append(Subnet.text(lease.address))
            } catch  where error.code == .networkFailed || error.code == .networkNotPermitted {
                report.problems.append(error.message)
            }
        }
        try forgetElsewhere(abandoned.filter { $0.key.namespace != key.namespace })
        report.removedBridges = try removeUnusedNetworks()
        return report
    }

    /// Removes the networks of this namespace in which no lease has a TAP.
    @discardableResult
    mutating func removeUnusedNetworks() throws(SmartVMError) -> [String] {
        let networks = try store.networks().filter { $0.key.namespace == key.namespace }
        if networks.isEmpty { return [] }
        let used = Set(try store.leases().lazy.filter { $0.tap != nil }.map(\.key))
        let unused = networks.filter { !used.contains($0.key) }
        for network in unused { try removeNetwork(network) }
        return unused.map(\.key.bridge)
    }

    /// All of that, and interfaces that bear our mark, or that of a process that has ended, of which no row speaks.
    mutating func reconcile() throws(SmartVMError) -> NetworkReconciliation {
        var report = try takeBackAbandoned()
        let known = Set(
            try store.leases().compactMap { $0.tap?.name } + store.networks().map(\.key.bridge))
        do throws(Errno) {
            for link in try socket.links() {
                guard let alias = link.alias else { continue }
                let isLost = alias == mark.text && !known.contains(link.name)
                guard isLost || InterfaceMark.isOfEndedProcess(alias) else { continue }
                if link.kind == "bridge" { try FirewallRules.removeTables(bridge: link.name) }
                try socket.deleteLink(link.index)
                if link.kind == "bridge" {
                    report.removedBridges.append(link.name)
                } else {
                    report.removedTaps.append(link.name)
                }
            }
            // Rules outlive a bridge that somebody has deleted by hand.
            if !known.contains(settings.bridge), try socket.link(named: settings.bridge) == nil {
                try FirewallRules.removeTables(bridge: settings.bridge)
            }
        } catch {
            report.problems.append(SmartVMError.network("Interfaces cannot be looked through", error).message)
        }
        return report
    }

    /// Rows of other network namespaces are their processes' business; those of namespaces that are gone are nobody's.
    private func forgetElsewhere(_ leases: [LeaseRecord]) throws(SmartVMError) {
        let networks = try store.networks().filter { $0.key.namespace != key.namespace }
        if leases.isEmpty && networks.isEmpty { return }
        guard let namespaces = NetworkNamespace.all() else { return }
        try store.delete(leases: leases.filter { !namespaces.contains($0.key.namespace) }.map(\.id))
        let inUse = Set(try store.leases().map(\.key))
        for network in networks
        where !namespaces.contains(network.key.namespace) && !inUse.contains(network.key) {
            try store.delete(network.key)
        }
    }
}
