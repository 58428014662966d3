internal import GuestProtocol
internal import Linux

/// What guests may send, and to whom: two tables of the bridge's own, which no other program's rules share.
///
/// Theory of operation. The table of the bridge family sees each frame as it comes from a TAP, and passes those alone that carry the
/// MAC address and the IPv4 address that the TAP's guest was given; the three stand together as one element of the set `guests`, so
/// that a VM costs an element and no rule. What is neither IPv4 nor ARP, a frame with a VLAN tag included, goes no further. TAPs are recognised by their group, which the bridge's index makes. The table of the ip
/// family sees what leaves the bridge: to the world it goes under the host's address; to the host it goes only where a port
/// is open; to the link-local addresses, where clouds answer with credentials, not at all. Nothing that comes from elsewhere reaches
/// a guest unless it answers one. What a guest may send to the world beyond that its own chain says, to which the map `egress` leads from its
/// address (``EgressChain``). A guest with a resolver of its own has its questions for names, to whatever
/// address of the host they go, sent there (``GuestResolver``). Rules other than these still hold: a packet passes if all tables let it.
///
/// A table is made in one transaction, so it is never half there.
struct FirewallRules: Sendable {
    var bridge: String
    var subnet: Subnet
    /// The index of the bridge.
    var bridgeIndex: Int32
    /// Whether a way from guest to guest over the host is closed, as that over the bridge is.
    var isolatesGuests: Bool
    var openHostPorts: [UInt16]
    var nameServers: [IPAddress]
    /// All leases that have a TAP.
    var leases: [LeaseRecord]

    static let set = "guests"

    /// The name of both tables.
    static func table(_ bridge: String) -> String { "smartvm-\(bridge)" }

    /// The group of the TAPs of a bridge. Groups of this size are not used by hand.
    static func group(bridgeIndex: Int32) -> UInt32 {
        0x5356_0000 | UInt32(bitPattern: bridgeIndex) & 0xffff
    }

    /// What the element of a TAP consists of, in network order: the interface's name, the MAC address, the IPv4 address.
    static func key(tapName: String, mac: MACAddress, address: UInt32) -> [UInt8] {
        let name = Array(tapName.utf8.prefix(15))
        return name + [UInt8](repeating: 0, count: 16 - name.count) + mac.bytes + [0, 0] + Subnet.bytes(address)
    }

    /// The input of nft(8) that makes both tables, in the place of those that are there.
    var text: String {
        let table = Self.table(bridge)
        let elements = leases.compactMap { lease in
            lease.tap.map { "\"\($0.name)\" . \($0.mac) . \(Subnet.text(lease.address))" }
        }
        let gateway = Subnet.text(subnet.gateway)
        let resolvers = nameServers.map(\.description).joined(separator: ", ")
        let linkLocalResolvers = nameServers.filter { $0.bytes.starts(with: [169, 254]) }.map(\.description)
        let guests = leases.compactMap { GuestResolver($0) }
        let chains = leases.compactMap { EgressChain($0) }
        let ports = (["53"] + openHostPorts.map { "\($0)" }).joined(separator: ", ")
        return """
            add table bridge \(table)
            delete table bridge \(table)
            table bridge \(table) {
                set \(Self.set) {
                    type ifname . ether_addr . ipv4_addr
                    \(Self.elements(elements))
                }
                chain prerouting {
                    type filter hook prerouting priority -300; policy accept;
                    iifgroup != \(Self.group(bridgeIndex: bridgeIndex)) accept
                    ether type != { ip, arp } drop
                    iifname . ether saddr . ip saddr @\(Self.set) accept
                    iifname . ether saddr . arp saddr ip @\(Self.set) iifname . arp saddr ether . arp saddr ip @\(Self.set) accept
                    drop
                }
            }
            add table ip \(table)
            delete table ip \(table)
            table ip \(table) {
                map \(GuestResolver.map) {
                    type ipv4_addr : ipv4_addr . inet_service
                    \(Self.elements(guests.map(\.mapElement)))
                }
                set \(GuestResolver.set) {
                    type ipv4_addr . ipv4_addr . inet_service
                    \(Self.elements(guests.map(\.setElement)))
                }
                map \(EgressChain.map) {
                    type ipv4_addr : verdict
                    \(Self.elements(chains.map(\.element)))
                }
            \(chains.map(\.definition).joined())    chain prerouting {
                    type nat hook prerouting priority dstnat; policy accept;
                    iifname != "\(bridge)" accept
                    meta l4proto { tcp, udp } th dport 53 fib daddr type local dnat ip to ip saddr map @\(GuestResolver.map)
                    ip daddr 169.254.0.0/16 meta l4proto { tcp, udp } th dport 53 dnat ip to ip saddr map @\(GuestResolver.map)
                }
                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
                    ip saddr \(subnet) oifname != "\(bridge)" masquerade
                }
                chain forward {
                    type filter hook forward priority filter; policy accept;
                    iifname "\(bridge)" oifname "\(bridge)" \(isolatesGuests ? "drop" : "accept")
                    \(linkLocalResolvers.isEmpty
                        ? ""
                        : "iifname \"\(bridge)\" ip daddr { \(linkLocalResolvers.joined(separator: ", ")) } th dport 53 accept")
                    iifname "\(bridge)" ip daddr 169.254.0.0/16 reject with icmp type admin-prohibited
                    oifname "\(bridge)" ct state established,related accept
                    oifname "\(bridge)" drop
                    iifname != "\(bridge)" accept
                    ip saddr vmap @\(EgressChain.map)
                }
                chain input {
                    type filter hook input priority filter; policy accept;
                    iifname != "\(bridge)" accept
                    ct state established,related accept
                    ip daddr \(gateway) icmp type echo-request accept
                    ip daddr \(gateway) meta l4proto { tcp, udp } th dport { \(ports) } accept
                    meta l4proto { tcp, udp } ip saddr . ip daddr . th dport @\(GuestResolver.set) accept
                    \(resolvers.isEmpty ? "" : "ip daddr { \(resolvers) } meta l4proto { tcp, udp } th dport 53 accept")
                    reject with icmp type admin-prohibited
                }
            }

            """
    }

    private static func elements(_ elements: [String]) -> String {
        elements.isEmpty ? "" : "elements = { \(elements.joined(separator: ", ")) }"
    }

    /// Makes both tables.
    func apply() async throws {
        try await Self.apply(text)
    }

    /// Has nft(8) make changes, all or none.
    static func apply(_ text: String) async throws {
        try await tool.run(["-f", "-"], input: text)
    }

    static var tool: Tool {
        Tool(name: "nft", purpose: "protect the host and its guests from each other", package: "nftables")
    }
}
