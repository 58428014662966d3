internal import GuestProtocol
internal import Linux

/// What guests may send, and to whom: two tables of the bridge's own, which no other program's rules share.
///
/// Theory of operation. The table of the bridge family sees each frame as it comes from a TAP, and passes those alone that carry the
/// MAC address and the IPv4 address that the TAP's guest was given; the three stand together as one element of the set `guests`, so
/// that a VM costs an element and no rule. What is neither IPv4 nor ARP, a frame with a VLAN tag included, goes no further. TAPs are recognised by their group, which the bridge's index makes. The table of the ip
/// family sees what leaves the bridge: to the world it goes under the host's address; to the host it goes only where a port
/// is open; to the link-local addresses, where clouds answer with credentials, not at all. Nothing that comes from elsewhere reaches
/// a guest unless it answers one. Rules other than these still hold: a packet passes if all tables let it.
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
        let ports = (["53"] + openHostPorts.map { "\($0)" }).joined(separator: ", ")
        return """
            add table bridge \(table)
            delete table bridge \(table)
            table bridge \(table) {
                set \(Self.set) {
                    type ifname . ether_addr . ipv4_addr
                    \(elements.isEmpty ? "" : "elements = { \(elements.joined(separator: ", ")) }")
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
                }
                chain input {
                    type filter hook input priority filter; policy accept;
                    iifname != "\(bridge)" accept
                    ct state established,related accept
                    ip daddr \(gateway) icmp type echo-request accept
                    ip daddr \(gateway) meta l4proto { tcp, udp } th dport { \(ports) } accept
                    \(resolvers.isEmpty ? "" : "ip daddr { \(resolvers) } meta l4proto { tcp, udp } th dport 53 accept")
                    reject with icmp type admin-prohibited
                }
            }

            """
    }

    /// Makes both tables.
    func apply() async throws {
        try await Tool(name: "nft", purpose: "protect the host and its guests from each other", package: "nftables")
            .run(["-f", "-"], input: text)
    }
}
