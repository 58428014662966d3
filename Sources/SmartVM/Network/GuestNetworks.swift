internal import FirecrackerClient
internal import Linux

/// The networks of the VMs that stay, which they call by name.
///
/// Theory of operation. A network is defined in the database: a name, a bridge, a subnet. It is made, as a ``NetworkManager`` makes its
/// own, when the first of its VMs starts, and goes with the last. What a VM has in it (a lease, a TAP, rules, a file with its name) is its
/// starter's while it is being started, and its supervisor's from the transaction on that names the supervisor; so it is taken back by
/// whoever comes after the end of either. The network `default` there always is, with the bridge of the ``NetworkManager``.
struct GuestNetworks: Sendable {
    let store: Store
    let dataDirectory: String
    /// The default network's.
    let options: NetworkManagerOptions
    let lock: NetworkLock
    let firewall = Firewall()
    /// Called after each effect.
    let step: @Sendable (NetworkStep) -> Void = { FaultPoint.reach("network.\($0.rawValue)") }
    var copies: ConnectionCopies { ConnectionCopies(dataDirectory: dataDirectory) }

    init(_ options: NetworkManagerOptions, store: Store, dataDirectory: String) {
        self.options = options
        self.store = store
        self.dataDirectory = dataDirectory
        lock = NetworkLock(dataDirectory: dataDirectory)
    }

    /// What a VM is to have.
    struct Demand: Sendable {
        /// The VM's id.
        var vm: String
        /// Other guests know it by it.
        var name: String
        /// Its interfaces, one for each network; the first leads to the world.
        var interfaces: [Interface]
        var egress: EgressPolicy

        struct Interface: Sendable {
            var network: String
            /// The interface's name in the VMM.
            var id: String
            var mac: String?
            var mtu: Int?
        }
    }

    /// A rule that names a domain, as the supervisor is told of it.
    struct DomainRule: Sendable {
        var pattern: String
        var allows: Bool
        var table: String
        var set: String
    }

    /// What a VM has.
    struct Attachment: Sendable {
        struct Interface: Sendable {
            var tap: TapDevice
            var prefixLength: Int
        }

        var interfaces: [Interface] = []
        var resolver: ResolverSockets?
        /// Where names of other guests are.
        var nameDirectories: [String] = []
        var domainRules: [DomainRule] = []
    }

    /// Makes all that a VM has in its networks.
    ///
    /// - Throws: `NO_SUCH_NETWORK`; what ``NetworkManager/createTap(vmId:ifaceId:mac:mtu:user:)`` throws. Nothing of it is left then.
    func attach(_ demand: Demand) async throws -> Attachment {
        try await lock.exclusively(cancellable: true) {
            // What another network lacks keeps nobody from joining this one.
            _ = try? await restoreRules()
            do {
                var attachment = Attachment()
                for interface in demand.interfaces { try await attach(interface, of: demand, &attachment) }
                return attachment
            } catch {
                try? await BlockingWork.wait { try giveBackLocked(demand.vm) }
                throw error
            }
        }
    }

    private func attach(
        _ interface: Demand.Interface, of demand: Demand, _ attachment: inout Attachment
    ) async throws {
        let isFirst = attachment.interfaces.isEmpty
        // Whoever may not send everything sends to the world by one network only: names are resolved for that one.
        let egress = isFirst || demand.egress.isOpen ? demand.egress : EgressPolicy(.deny)
        let resolver = attachment.resolver.map { sockets in NetworkSession.Guest.Resolver.elsewhere(sockets.address) }
        let guest = NetworkSession.Guest(name: demand.name, egress: egress, resolver: resolver ?? .here)
        let wanted = NetworkSession.Attachment(
            vm: demand.vm, interface: interface.id, mac: try interface.mac.map { try MACAddress($0) },
            mtu: interface.mtu.map { UInt32(clamping: $0) }, guest: guest)
        let network = interface.network
        let made = try await BlockingWork.wait { try attach(wanted, to: network) }
        let outcome = made.outcome
        if let rules = outcome.missingRules {
            try await rules.apply()
            try await Self.joinPorts(made.settings)
            step(.rulesMade)
            step(.created)
        } else if let chain = outcome.chain {
            try await FirewallRules.apply(chain.text)
        }
        attachment.interfaces.append(
            .init(tap: outcome.tap, prefixLength: made.settings.subnet.prefixLength))
        if let names = made.names { attachment.nameDirectories.append(names) }
        guard isFirst else { return }
        attachment.resolver = outcome.resolver
        if let chain = outcome.chain { attachment.domainRules = chain.domainRules }
    }

    private struct Made: Sendable {
        var outcome: NetworkSession.Outcome
        var settings: NetworkSettings
        /// The directory.
        var names: String?
    }

    private func attach(_ wanted: NetworkSession.Attachment, to network: String) throws(SmartVMError) -> Made {
        let settings = try settings(of: network)
        var session = try NetworkSession(settings)
        let names = session.guestNames(of: session.key).path
        return Made(outcome: try session.attach(wanted), settings: settings, names: names)
    }

    /// Takes back all that a VM which does not run has in networks. Blocks the thread.
    ///
    /// - Parameter patience: How long another process may keep the network's lock.
    func giveBack(_ vm: String, patience: Duration = NetworkLock.patience) throws(SmartVMError) {
        guard try !store.leases(ofVM: vm).isEmpty else { return }
        try lock.blocking(patience: patience) { () throws(SmartVMError) in try giveBackLocked(vm) }
    }

    private func giveBackLocked(_ vm: String) throws(SmartVMError) {
        let leases = try store.leases(ofVM: vm)
        if leases.isEmpty { return }
        var session = try NetworkSession(defaultSettings())
        // Names of interfaces mean nothing in another namespace: those rows are taken back there, or when it is gone.
        let here = leases.filter { $0.key.namespace == session.key.namespace }
        try session.release(here)
        try session.removeUnusedNetworks()
    }

    /// Takes back what processes that have ended have left in this namespace's networks, if there is any. Who looks does not wait: where
    /// another process is configuring the network, it stays for the next.
    ///
    /// - Parameter vm: Nil: of all VMs.
    func takeBack(_ vm: String? = nil) async throws {
        let copies = copies
        try await BlockingWork.run {
            guard let namespace = try? NetworkNamespace.current() else { return }
            let state = try store.networkState()
            let leases = state.leases.filter { vm == nil || $0.tap?.vm == vm }
            let isLost = copies.names().contains { name in
                (vm == nil || vm == name) && !leases.contains { $0.tap?.vm == name }
            }
            let isUnused = state.networks.contains { $0.key.namespace == namespace && state.taps(of: $0.key).isEmpty }
            let owners = Set(leases.filter { $0.key.namespace == namespace }.map(\.owner))
            if !isLost && !isUnused && owners.allSatisfy(\.isAlive) { return }
            try lock.blocking(patience: .zero) { () throws(SmartVMError) in
                var session = try NetworkSession(defaultSettings())
                _ = try session.reconcile()
            }
        }
    }

    /// Writes down again what VMs have in networks and what the database has lost. Blocks the thread.
    func takeInLost() throws(SmartVMError) {
        try lock.blocking { () throws(SmartVMError) in
            let session = try NetworkSession(defaultSettings())
            try session.takeInLost()
        }
    }

    /// Takes back all that is nobody's.
    func reconcile() async throws -> NetworkReconciliation {
        try await lock.exclusively(cancellable: true) {
            var report = try await BlockingWork.wait {
                var session = try NetworkSession(defaultSettings())
                return try session.reconcile()
            }
            do {
                report.restoredRules += try await restoreRules(joinsPorts: true)
            } catch let error as SmartVMError {
                report.problems.append(error.message)
            }
            return report
        }
    }

    /// Writes down beside the database how a VM is connected, before its supervisor runs.
    ///
    /// - Throws: `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`.
    func writeCopy(
        ofVM vm: String, owner: ProcessIdentity, ports: [ConnectionRecord.Port]
    ) throws(SmartVMError) {
        guard var copy = try store.connectionCopy(ofVM: vm) else { return }
        copy.owner = owner.line
        copy.ports = ports
        let (whole, copies) = (copy, copies)
        // Whoever holds the lock removes what is no copy, or none yet.
        try lock.blocking { () throws(SmartVMError) in try copies.write(whole) }
    }

    /// Gives the files by which other guests find a VM its new name. The row has both names already.
    func rename(_ vm: String, to name: String) throws(SmartVMError) {
        guard try !store.leases(ofVM: vm).isEmpty else { return }
        try lock.blocking { () throws(SmartVMError) in
            // With both names; on a full disk a database that is lost loses the new one.
            if let copy = try? store.connectionCopy(ofVM: vm) { try? copies.write(copy) }
            for lease in try store.leases(ofVM: vm) where lease.tap?.names.isEmpty == false {
                let names = GuestNames(lease.key, in: dataDirectory)
                try names.write([name], address: lease.address)
                names.remove(lease.tap?.names.filter { $0 != name } ?? [], address: lease.address)
            }
            try store.setNames([name], ofVM: vm)
        }
    }
}

extension EgressChain {
    /// Those of its rules that name domains.
    var domainRules: [GuestNetworks.DomainRule] {
        policy.rules.indices.compactMap { index in
            let rule = policy.rules[index]
            guard let pattern = rule.domainPattern else { return nil }
            return .init(
                pattern: pattern, allows: rule.action == .allow, table: FirewallRules.table(bridge),
                set: set(ofRule: index) ?? "")
        }
    }
}

extension EgressRule {
    /// As the supervisor has it: `example.com` or `*.example.com`; nil if the rule names no domain.
    var domainPattern: String? {
        switch target {
        case .domain(let name): name
        case .subdomains(let name): "*.\(name)"
        case .everywhere, .network: nil
        }
    }
}

extension NetworkReconciliation {
    /// What was done, and what could not be, a sentence each.
    var sentences: [String] {
        removedTaps.map { "\($0): removed a TAP that was nobody's" }
            + releasedIps.map { "\($0): took back an address that was nobody's" }
            + removedBridges.map { "\($0): removed a bridge without guests" }
            + restoredRules.map { "the firewall rules of the network \($0) were missing; made anew" }
            + problems.map { "could not be taken back: \($0)" }
    }
}
