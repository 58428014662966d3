/// The rules of one guest in its bridge's table of the family ip: a chain that the map `egress` leads to from the guest's address, and a
/// set for each rule that allows a domain. One that denies a domain has none: its name is refused to the guest, so no address of it would
/// become known. What the guest sends to such an address all the same is the business of the rules that name addresses.
///
/// Theory of operation. A connection that a rule has let begin goes on, also when the address of its name has left the set. The kernel knows
/// it by its mark, which is the lease's own: a connection of another VM that had the address before is not gone on with.
struct EgressChain: Sendable {
    var bridge: String
    /// The guest's.
    var address: UInt32
    var policy: EgressPolicy
    /// What tells the connections of this guest from those of others that had its address; not 0.
    var mark: UInt32

    /// From a guest's address to where its rules are.
    static let map = "egress"
    /// How many addresses of a domain are remembered: what a guest makes up must not fill the kernel's memory.
    private static let setSize = 4096

    /// Nil if the guest may send everything.
    init?(_ lease: LeaseRecord) {
        guard let text = lease.tap?.egress else { return nil }
        // What cannot be read allows nothing.
        policy = EgressPolicy(text: text) ?? EgressPolicy(.deny)
        bridge = lease.key.bridge
        address = lease.address
        mark = 1 << 31 | UInt32(truncatingIfNeeded: lease.id)
    }

    var name: String { "vm-\(Subnet.text(address))" }

    /// The set of a rule; nil if that allows no domain.
    func set(ofRule index: Int) -> String? {
        guard policy.rules[index].action == .allow else { return nil }
        return switch policy.rules[index].target {
        case .domain, .subdomains: "\(name)-\(index)"
        case .everywhere, .network: nil
        }
    }

    var sets: [String] { policy.rules.indices.compactMap { set(ofRule: $0) } }

    /// Its part of the table's definition.
    var definition: String {
        let sets = sets.map { "set \($0) { type ipv4_addr; size \(Self.setSize); flags timeout; }" }
        let rules = policy.rules.indices.compactMap { rule($0) }.map { "    " + $0 }
        let begun = "    ct state established,related ct mark \(mark) accept"
        let end = "    " + verdict(policy.defaultAction)
        return (sets + ["chain \(name) {", begun] + rules + [end, "}"]).map { "    \($0)\n" }.joined()
    }

    /// Its element of the map.
    var element: String { "\(Subnet.text(address)) : goto \(name)" }

    /// The input of nft(8) that adds it to the table that is there.
    var text: String {
        let table = FirewallRules.table(bridge)
        return """
            add chain ip \(table) \(name)
            flush chain ip \(table) \(name)
            table ip \(table) {
            \(definition)}
            add element ip \(table) \(Self.map) { \(element) }

            """
    }

    private func verdict(_ action: EgressPolicy.Action) -> String {
        action == .allow ? "ct mark set \(mark) accept" : "reject with icmp type admin-prohibited"
    }

    /// Nil for one that is about names alone.
    private func rule(_ index: Int) -> String? {
        let rule = policy.rules[index]
        var parts: [String] = []
        switch rule.target {
        case .everywhere: break
        case .network(let address, let length): parts.append("ip daddr \(address)/\(length)")
        case .domain, .subdomains:
            guard let set = set(ofRule: index) else { return nil }
            parts.append("ip daddr @\(set)")
        }
        let ports = rule.ports.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        switch (rule.transport, ports) {
        case (let transport?, let ports?): parts.append("\(transport.rawValue) dport \(ports)")
        case (let transport?, nil): parts.append("meta l4proto \(transport.rawValue)")
        case (nil, let ports?): parts.append("meta l4proto { tcp, udp } th dport \(ports)")
        case (nil, nil): break
        }
        parts.append(verdict(rule.action))
        return parts.joined(separator: " ")
    }
}
