internal import FirecrackerClient
internal import Linux

/// Making and removing what one guest's interface consists of.
extension NetworkSession {
    /// What is asked for.
    struct Attachment: Sendable {
        var vm: String
        var interface: String
        /// nil: one that follows from the names.
        var mac: MACAddress?
        /// Bytes; nil: the kernel's default of 1500.
        var mtu: UInt32?
        /// The user who may open the TAP.
        var user: UInt32?
        /// What a guest has that other guests know by name; nil: none do.
        var guest: Guest?
    }

    /// What a VM that stays has in a network beside its interface.
    struct Guest: Sendable {
        /// Other guests know it by it.
        var name: String
        /// What it may send to the world.
        var egress: EgressPolicy
        /// Where its questions for names are answered.
        var resolver: Resolver

        enum Resolver: Sendable {
            /// At sockets that are to be bound to this network's gateway.
            case here
            /// At those of its first network, as ADDRESS:PORT.
            case elsewhere(String)
        }
    }

    /// What came of it.
    struct Outcome: Sendable {
        var tap: TapDevice
        /// The rules that must be made yet, since there are none; then other guests may become ports of the bridge again.
        var missingRules: FirewallRules?
        /// The guest's rules, if it has any: they must be made yet, unless they are among ``missingRules``.
        var chain: EgressChain?
        /// For the guest's questions, if they are to be answered here.
        var resolver: ResolverSockets?
    }

    /// Makes a TAP, its address and its firewall element; the bridge too if there is none. The same names get the same again.
    ///
    /// - Throws: `IP_EXHAUSTED`, `MAC_ADDRESS_IN_USE`, `NAME_IN_USE`, and what ``ensureBridge()`` throws. Then nothing of it is left.
    mutating func attach(_ attachment: Attachment) throws(SmartVMError) -> Outcome {
        var report = NetworkReconciliation()
        var state = try takeBackAbandoned(&report)
        step(.begun)
        if let existing = state.taps(of: key).first(where: { isOf(attachment, $0) }) {
            guard attachment.guest != nil, existing.owner == owner else {
                return try reattach(existing, attachment, state)
            }
            // Its sockets are gone with the start that was given up.
            try release([existing])
            state = try store.networkState()
        }
        var tap = try names(for: attachment, state)
        let bridge = try ensureBridge(state)
        do throws(SmartVMError) {
            let resolver = try surround(&tap, attachment.guest)
            let lease = try store.lease(
                in: key, addresses: settings.subnet.guestAddresses, owner: owner, tap: tap,
                isUsual: attachment.guest != nil)
            guard let lease else { throw SmartVMError.exhausted(settings.subnet) }
            step(.leaseWritten)
            var outcome = try fill(lease, tap, bridge, attachment)
            outcome.resolver = resolver
            return outcome
        } catch {
            try? removeUnusedNetworks()
            throw error
        }
    }

    /// Completes what is to be written down of a guest that others know by name.
    private func surround(_ tap: inout LeaseRecord.Tap, _ guest: Guest?) throws(SmartVMError) -> ResolverSockets? {
        guard let guest else { return nil }
        tap.names = [guest.name]
        tap.egress = guest.egress.isOpen ? nil : guest.egress.text
        switch guest.resolver {
        case .here:
            let sockets = try ResolverSockets(gateway: settings.subnet.gateway)
            tap.resolver = sockets.address
            return sockets
        case .elsewhere(let address):
            tap.resolver = address
            return nil
        }
    }

    /// Removes the TAP of that name, and with the network's last one the network. One that is not there is no error.
    mutating func detach(tapName: String) throws(SmartVMError) {
        let leases = try store.networkState().leases.filter {
            $0.key.namespace == key.namespace && $0.tap?.name == tapName
        }
        try release(leases)
        try removeUnusedNetworks()
    }

    /// Removes networks in which no lease has a TAP any more.
    mutating func removeUnusedNetworks() throws(SmartVMError) {
        try takeInLost()
        let state = try store.networkState()
        for network in unusedNetworks(state) { try takeDownNetwork(network, state: state) }
    }

    /// Removes leases, and what was made for them.
    mutating func release(_ leases: [LeaseRecord]) throws(SmartVMError) {
        for lease in leases {
            if let tap = lease.tap {
                // A copy without its rows is that of a database which was lost.
                settings.dataDirectory.map { ConnectionCopies(dataDirectory: $0) }?.remove(ofVM: tap.vm)
                do throws(Errno) {
                    try remove(tap, of: lease)
                } catch {
                    throw .network("The interface \(tap.name) cannot be removed", error)
                }
            }
            try store.delete(leases: [lease.id])
            step(.leaseDeleted)
        }
    }

    private func isOf(_ attachment: Attachment, _ lease: LeaseRecord) -> Bool {
        lease.tap?.vm == attachment.vm && lease.tap?.interface == attachment.interface
    }

    /// A TAP that this process has made for the same names, if all of it is still there; a new one in its place if not.
    private mutating func reattach(
        _ lease: LeaseRecord, _ attachment: Attachment, _ state: NetworkState
    ) throws(SmartVMError) -> Outcome {
        guard let tap = lease.tap, lease.owner == owner else {
            throw SmartVMError(
                .nameInUse, "The process \(lease.owner.pid) has a network interface for VM \(attachment.vm).",
                cure: "Choose another name for the VM, or end the one that has it.")
        }
        let bridge = try ensureBridge(state)
        if let mac = attachment.mac, mac.description != tap.mac {
            throw SmartVMError(
                .macAddressInUse,
                "The interface \(attachment.interface) of VM \(attachment.vm) has the MAC address \(tap.mac).",
                cure: "Remove its TAP \(tap.name) first.")
        }
        return try fill(lease, tap, bridge, attachment)
    }

    /// Makes what a lease announces, as far as it is not there. Undoes it, the lease included, if that fails.
    private mutating func fill(
        _ lease: LeaseRecord, _ tap: LeaseRecord.Tap, _ bridge: NetworkLink, _ attachment: Attachment
    ) throws(SmartVMError) -> Outcome {
        do throws(SmartVMError) {
            let mac = try MACAddress(tap.mac)
            var outcome = Outcome(
                tap: TapDevice(
                    tapName: tap.name, guestIp: Subnet.text(lease.address),
                    gatewayIp: Subnet.text(settings.subnet.gateway), subnetMask: settings.subnet.maskText,
                    mac: tap.mac))
            do throws(Errno) {
                try make(tap, bridge, attachment)
                let key = FirewallRules.key(tapName: tap.name, mac: mac, address: lease.address)
                do throws(Errno) {
                    try settings.firewall.addGuest(key, resolver: GuestResolver(lease), bridge: settings.bridge)
                } catch .noSuchFile {
                    outcome.missingRules = rules(of: bridge)
                }
            } catch {
                throw SmartVMError.network("The interface \(tap.name) cannot be made", error)
            }
            try guestNames(of: key).write(tap.names, address: lease.address)
            outcome.chain = EgressChain(lease)
            if outcome.missingRules != nil {
                outcome.missingRules?.leases = try store.networkState().taps(of: self.key)
                step(.rulesMissing)
            } else {
                step(.created)
            }
            return outcome
        } catch {
            try? release([lease])
            try? removeUnusedNetworks()
            throw error
        }
    }

    private mutating func make(_ tap: LeaseRecord.Tap, _ bridge: NetworkLink, _ attachment: Attachment) throws(Errno) {
        var link = try socket.link(named: tap.name)
        if link == nil {
            do throws(Errno) {
                try Linux.TapDevice.make(tap.name, owner: attachment.user)
            } catch .noSuchFile {
                // There is no /dev/net/tun.
                throw .notSupported
            }
            link = try socket.link(named: tap.name)
        }
        step(.tapMade)
        guard let link else { throw .noSuchDevice }
        try join(link, bridge, mtu: attachment.mtu)
        step(.tapAttached)
    }

    /// Makes a TAP a port of the bridge, by which it comes under the bridge's rules.
    mutating func join(_ link: NetworkLink, _ bridge: NetworkLink, mtu: UInt32? = nil) throws(Errno) {
        var change = NetlinkSocket.LinkChange(isUp: true)
        change.alias = mark.text
        change.group = FirewallRules.group(bridgeIndex: bridge.index)
        change.master = bridge.index
        change.mtu = mtu
        change.withoutIPv6Addresses = File.exists("/proc/sys/net/ipv6")
        try socket.change(link.index, change)
        if settings.isolatesGuests { try socket.setIsolated(true, port: link.index) }
    }

    /// Where other guests of a network find names.
    func guestNames(of key: NetworkKey) -> GuestNames {
        GuestNames(key, in: settings.dataDirectory)
    }

    private mutating func remove(_ tap: LeaseRecord.Tap, of lease: LeaseRecord) throws(Errno) {
        if let mac = try? MACAddress(tap.mac) {
            let key = FirewallRules.key(tapName: tap.name, mac: mac, address: lease.address)
            try settings.firewall.removeGuest(key, bridge: lease.key.bridge)
        }
        // After that nothing of the guest's comes through, so that what limits it can go.
        if let resolver = GuestResolver(lease) { try settings.firewall.remove(resolver, bridge: lease.key.bridge) }
        if let chain = EgressChain(lease) { try settings.firewall.remove(chain) }
        step(.guestRemoved)
        guestNames(of: lease.key).remove(tap.names, address: lease.address)
        step(.namesRemoved)
        if let link = try socket.link(named: tap.name), isOurs(link, kind: "tun", bootID: lease.owner.bootID) {
            try socket.deleteLink(link.index)
        }
        step(.tapDeleted)
    }

    /// Names that nobody has: neither a lease nor, for the TAP, an interface.
    private mutating func names(
        for attachment: Attachment, _ state: NetworkState
    ) throws(SmartVMError) -> LeaseRecord.Tap {
        let macs = Set(state.taps(of: key).compactMap { $0.tap?.mac })
        let here = key.namespace
        let taps = Set(state.leases.filter { $0.key.namespace == here }.compactMap { $0.tap?.name })
        if let mac = attachment.mac, macs.contains(mac.description) {
            throw SmartVMError(
                .macAddressInUse, "Another VM of the network \(settings.bridge) has the MAC address \(mac).",
                cure: "Give each interface a MAC address of its own, or none.")
        }
        var mac = attachment.mac ?? NetworkManager.mac(attachment.vm, attachment.interface, attempt: 0)
        var attempt = 0
        while macs.contains(mac.description) {
            attempt += 1
            mac = NetworkManager.mac(attachment.vm, attachment.interface, attempt: attempt)
        }
        var tapName = NetworkManager.tapName(attachment.vm, attachment.interface, attempt: 0)
        attempt = 0
        // An interface that cannot be looked up is refused when it is made.
        while taps.contains(tapName) || (try? socket.link(named: tapName)) != nil {
            attempt += 1
            tapName = NetworkManager.tapName(attachment.vm, attachment.interface, attempt: attempt)
        }
        return LeaseRecord.Tap(vm: attachment.vm, interface: attachment.interface, name: tapName, mac: mac.description)
    }
}

extension SmartVMError {
    static func exhausted(_ subnet: Subnet) -> SmartVMError {
        SmartVMError(
            .ipExhausted, "All addresses of the subnet \(subnet) are given out.",
            cure: "Remove VMs that are not needed, or use a larger subnet.")
    }
}
