internal import FirecrackerClient
internal import Linux

/// Taking back what killed processes have left.
extension NetworkSession {
    /// Removes leases of processes that have ended, and networks in which no lease has a TAP. Where there are none that costs one
    /// question to the database, so that each operation begins with it.
    ///
    /// - Returns: What is written down afterwards. What the kernel refuses to remove stays written down.
    /// - Throws: `STORE_UNUSABLE` and the like.
    mutating func takeBackAbandoned(_ report: inout NetworkReconciliation) throws(SmartVMError) -> NetworkState {
        try takeInLost()
        let state = try store.networkState()
        var alive: [ProcessIdentity: Bool] = [:]
        for lease in state.leases where alive[lease.owner] == nil { alive[lease.owner] = lease.owner.isAlive }
        let abandoned = state.leases.filter { alive[$0.owner] != true }
        let networksElsewhere = state.networks.filter { $0.key.namespace != key.namespace }
        let unused = unusedNetworks(state)
        if abandoned.isEmpty && networksElsewhere.isEmpty && unused.isEmpty { return state }

        for lease in abandoned where lease.key.namespace == key.namespace {
            do throws(SmartVMError) {
                try release([lease])
                report.removedTaps += [lease.tap?.name].compactMap { $0 }
                report.releasedIps.append(Subnet.text(lease.address))
            } catch {
                report.problems.append(error.message)
            }
        }
        try forgetElsewhere(abandoned.filter { $0.key.namespace != key.namespace }, networksElsewhere)
        let rest = try store.networkState()
        for network in unusedNetworks(rest) {
            do throws(SmartVMError) {
                try takeDownNetwork(network, state: rest)
                report.removedBridges.append(network.key.bridge)
            } catch {
                report.problems.append(error.message)
            }
        }
        return try store.networkState()
    }

    /// Writes down again what is of VMs and what the database has lost, so that it is nobody's no more. Of those whose supervisors
    /// have ended it is so taken back like any other. Where nothing was lost that costs a look into a directory.
    func takeInLost() throws(SmartVMError) {
        guard let dataDirectory = settings.dataDirectory else { return }
        let copies = ConnectionCopies(dataDirectory: dataDirectory)
        let names = copies.names()
        if names.isEmpty { return }
        let known = Set(try store.networkState().leases.compactMap { $0.tap?.vm })
        for name in names where !known.contains(name) {
            guard let copy = copies.copy(ofVM: name), try store.takeIn(copy) else {
                copies.remove(ofVM: name)
                continue
            }
        }
    }

    /// The networks of this namespace in which no lease has a TAP.
    func unusedNetworks(_ state: NetworkState) -> [NetworkRecord] {
        state.networks.filter { $0.key.namespace == key.namespace && state.taps(of: $0.key).isEmpty }
    }

    /// All of that, and interfaces that bear our mark, or that of a process that has ended, of which no row speaks.
    mutating func reconcile() throws(SmartVMError) -> NetworkReconciliation {
        var report = NetworkReconciliation()
        let state = try takeBackAbandoned(&report)
        let known = Set(state.leases.compactMap { $0.tap?.name } + state.networks.map(\.key.bridge))
        do throws(Errno) {
            for link in try socket.links() {
                guard let alias = link.alias else { continue }
                let isLost = alias == mark.text && !known.contains(link.name)
                guard isLost || InterfaceMark.isOfEndedProcess(alias) else { continue }
                try remove(lost: link, &report)
            }
            // Rules outlive a bridge that somebody has deleted by hand.
            if !known.contains(settings.bridge), try socket.link(named: settings.bridge) == nil {
                // Who may not remove them has made none.
                do throws(Errno) { try settings.firewall.removeTables(bridge: settings.bridge) } catch .notPermitted {}
            }
        } catch {
            report.problems.append(SmartVMError.network("Interfaces cannot be looked through", error).message)
        }
        return report
    }

    private mutating func remove(lost link: NetworkLink, _ report: inout NetworkReconciliation) throws(Errno) {
        if link.kind == "bridge" { try settings.firewall.removeTables(bridge: link.name) }
        do throws(Errno) { try socket.deleteLink(link.index) } catch .noSuchDevice {}
        if link.kind == "bridge" {
            report.removedBridges.append(link.name)
        } else {
            report.removedTaps.append(link.name)
        }
    }

    /// Rows of other network namespaces are their processes' business; those of namespaces that are gone are nobody's.
    private func forgetElsewhere(_ leases: [LeaseRecord], _ networks: [NetworkRecord]) throws(SmartVMError) {
        if leases.isEmpty && networks.isEmpty { return }
        guard let namespaces = NetworkNamespace.all() else { return }
        let isGone = { (key: NetworkKey) in !namespaces.contains(key.namespace) }
        try store.delete(leases: leases.filter { isGone($0.key) }.map(\.id))
        for network in networks where isGone(network.key) {
            guestNames(of: network.key).removeNames()
            try store.delete(network.key)
        }
    }
}
