internal import FirecrackerClient
internal import Linux

/// Making and removing the network itself.
extension NetworkSession {
    private static let forwardingPath = "/proc/sys/net/ipv4/ip_forward"

    /// The bridge, made if it is not there.
    ///
    /// - Throws: `BRIDGE_IN_USE`, `SUBNET_IN_USE`, before anything is touched; `NETWORK_NOT_PERMITTED`, `NETWORK_FAILED`.
    mutating func ensureBridge(_ state: NetworkState) throws(SmartVMError) -> NetworkLink {
        let name = settings.bridge
        let record = state.networks.first { $0.key == key }
        if let record, record.subnet != settings.subnet.description {
            throw SmartVMError(
                .bridgeInUse, "The bridge \(name) carries the subnet \(record.subnet), not \(settings.subnet).",
                cure: "Use another bridge name for another subnet.")
        }
        if let link = try link(name) {
            guard record != nil, isOurs(link, kind: "bridge", bootID: record?.bootID ?? "") else {
                let whose = link.alias.map { " (alias '\($0)')" } ?? ""
                throw SmartVMError(
                    .bridgeInUse,
                    "There is an interface \(name) already, which was not made with this data directory\(whose).",
                    cure: "Use another bridge name and another subnet.")
            }
            return link
        }
        try checkRoutes()
        return try makeBridge(previous: record, state)
    }

    /// Removes the network's rules, bridge and row. What is not there any more is no error.
    ///
    /// - Parameter state: What is written down of other networks.
    mutating func takeDownNetwork(_ network: NetworkRecord, state: NetworkState) throws(SmartVMError) {
        do throws(Errno) {
            let link = try socket.link(named: network.key.bridge)
            do throws(Errno) {
                try settings.firewall.removeTables(bridge: network.key.bridge)
            } catch .notPermitted where link == nil {
                // Who may not remove them has made none, nor a bridge: a row is all that there is.
            }
            step(.rulesRemoved)
            if let link, isOurs(link, kind: "bridge", bootID: network.bootID) {
                try socket.deleteLink(link.index)
            }
            step(.bridgeDeleted)
        } catch {
            throw .network("The bridge \(network.key.bridge) cannot be removed", error)
        }
        guestNames(of: network.key).removeNames()
        try restoreForwarding(network, state)
        step(.forwardingRestored)
        try store.delete(network.key)
        step(.networkDeleted)
    }

    mutating func link(_ name: String) throws(SmartVMError) -> NetworkLink? {
        do throws(Errno) {
            return try socket.link(named: name)
        } catch {
            throw .network("The interface \(name) cannot be looked at", error)
        }
    }

    /// The routes of the host that lead to a network.
    ///
    /// - Throws: `NETWORK_FAILED`.
    mutating func routes() throws(SmartVMError) -> [NetworkRoute] {
        do throws(Errno) {
            return try socket.routes().filter { $0.prefixLength > 0 }
        } catch {
            throw .network("The routes of this host cannot be looked at", error)
        }
    }

    /// The way in which the host reaches a part of the subnet already.
    mutating func conflict(_ subnet: Subnet? = nil) throws(SmartVMError) -> NetworkRoute? {
        let subnet = subnet ?? settings.subnet
        return try routes().first { subnet.overlaps(base: $0.destination, prefixLength: $0.prefixLength) }
    }

    /// The names of all interfaces.
    mutating func linkNames() throws(SmartVMError) -> [String] {
        do throws(Errno) {
            return try socket.links().map(\.name)
        } catch {
            throw .network("The interfaces of this host cannot be looked at", error)
        }
    }

    /// Refuses a subnet of which the host reaches a part in another way already.
    ///
    /// - Parameter subnet: Default: this network's.
    mutating func checkRoutes(_ subnet: Subnet? = nil) throws(SmartVMError) {
        guard let conflict = try conflict(subnet) else { return }
        let way =
            (try? socket.links().first { $0.index == conflict.link })?.map { " by the interface \($0.name)" } ?? ""
        throw SmartVMError(
            .subnetInUse,
            "The subnet \(subnet ?? settings.subnet) overlaps \(Subnet.text(conflict.destination))/\(conflict.prefixLength), which this host reaches\(way).",
            cure: "Choose another subnet, for example 10.213.0.0/24; nothing was changed.")
    }

    /// - Parameter previous: The row of a bridge that somebody has deleted.
    private mutating func makeBridge(
        previous: NetworkRecord?, _ state: NetworkState
    ) throws(SmartVMError) -> NetworkLink {
        let record =
            previous
            ?? NetworkRecord(
                key: key, subnet: settings.subnet.description, previousForwarding: forwards(), bootID: owner.bootID)
        try store.put(record)
        step(.networkWritten)
        do throws(SmartVMError) {
            do throws(Errno) {
                return try buildBridge(record)
            } catch {
                throw SmartVMError.network("The bridge \(settings.bridge) cannot be made", error)
            }
        } catch {
            try? takeDownNetwork(record, state: state)
            throw error
        }
    }

    /// Guests that run get no port of it here: the rules that hold them are made first (``joinPorts()``).
    private mutating func buildBridge(_ record: NetworkRecord) throws(Errno) -> NetworkLink {
        // Those of a bridge that somebody has deleted would not recognise the new one's ports.
        try settings.firewall.removeTables(bridge: settings.bridge)
        try socket.addBridge(settings.bridge, macAddress: settings.bridgeAddress.bytes)
        step(.bridgeMade)
        guard var link = try socket.link(named: settings.bridge) else { throw .noSuchDevice }
        var marking = NetlinkSocket.LinkChange()
        marking.alias = mark.text
        marking.withoutIPv6Addresses = File.exists("/proc/sys/net/ipv6")
        try socket.change(link.index, marking)
        step(.bridgeMarked)
        try socket.addAddress(
            settings.subnet.gateway, prefixLength: settings.subnet.prefixLength, to: link.index)
        try socket.change(link.index, NetlinkSocket.LinkChange(isUp: true))
        step(.bridgeUp)
        if !record.previousForwarding { try File.write(Array("1\n".utf8), to: Self.forwardingPath) }
        step(.forwardingEnabled)
        link.alias = mark.text
        return link
    }

    private func forwards() -> Bool {
        (try? File.readText(Self.forwardingPath))?.hasPrefix("1") == true
    }

    /// Turns forwarding off again if it was off before the first network, and nobody else can rely on it now: another network of ours
    /// inherits the duty, and a bridge that is not ours may carry somebody's virtual machines or containers.
    private mutating func restoreForwarding(
        _ network: NetworkRecord, _ state: NetworkState
    ) throws(SmartVMError) {
        guard !network.previousForwarding, network.bootID == owner.bootID else { return }
        let others = state.networks.filter {
            $0.key.namespace == network.key.namespace && $0.key != network.key && $0.bootID == network.bootID
        }
        if var heir = others.first {
            heir.previousForwarding = false
            return try store.put(heir)
        }
        guard let links = try? socket.links(), !links.contains(where: { $0.kind == "bridge" }) else { return }
        try? File.write(Array("0\n".utf8), to: Self.forwardingPath)
    }
}
