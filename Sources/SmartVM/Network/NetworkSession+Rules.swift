internal import FirecrackerClient
internal import Linux

/// The rules of a network whose guests run: somebody may have removed them, as restarting nftables(8) does, or the bridge.
extension NetworkSession {
    /// The network's rules, without its guests.
    func rules(of bridge: NetworkLink) -> FirewallRules {
        FirewallRules(
            bridge: settings.bridge, subnet: settings.subnet, bridgeIndex: bridge.index,
            isolatesGuests: settings.isolatesGuests, openHostPorts: settings.openHostPorts,
            nameServers: settings.effectiveNameServers, leases: [])
    }

    /// The rules that must be made anew; nil if they are there, or nobody needs them.
    mutating func missingRules(_ state: NetworkState) throws(SmartVMError) -> FirewallRules? {
        let leases = state.taps(of: key)
        guard let record = state.networks.first(where: { $0.key == key }), !leases.isEmpty,
            let bridge = try link(settings.bridge), isOurs(bridge, kind: "bridge", bootID: record.bootID)
        else { return nil }
        do throws(Errno) {
            if try settings.firewall.hasTables(bridge: settings.bridge) { return nil }
        } catch {
            throw .network("The rules of the bridge \(settings.bridge) cannot be looked at", error)
        }
        var rules = rules(of: bridge)
        rules.leases = leases
        return rules
    }

    /// Makes the TAPs of all guests ports of the bridge again, as far as they are none. Call it when the rules are there: without them a
    /// guest could send whatever it likes.
    mutating func joinPorts() throws(SmartVMError) {
        let leases = try store.networkState().taps(of: key)
        guard let bridge = try link(settings.bridge) else { return }
        do throws(Errno) {
            let ports = Dictionary(try socket.links().map { ($0.name, $0) }) { first, _ in first }
            for lease in leases {
                guard let port = lease.tap.flatMap({ ports[$0.name] }), port.master != bridge.index,
                    isOurs(port, kind: "tun", bootID: lease.owner.bootID)
                else { continue }
                try join(port, bridge)
            }
        } catch {
            throw .network("Guests cannot join the bridge \(settings.bridge)", error)
        }
    }
}
