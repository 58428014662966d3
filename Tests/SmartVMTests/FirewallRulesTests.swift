import Linux
import Testing

@testable import SmartVM

@Suite("Firewall rules")
struct FirewallRulesTests {
    private let key = NetworkKey(namespace: "1", bridge: "br0")
    private let owner = ProcessIdentity(pid: 1, startTime: 1, bootID: "boot")

    private func lease(
        _ number: UInt32, egress: EgressPolicy? = nil, resolver: String? = nil
    ) -> LeaseRecord {
        let tap = LeaseRecord.Tap(
            vm: "vm\(number)", interface: "eth0", name: "sv\(number)", mac: "02:00:00:00:00:0\(number)",
            names: ["vm\(number)"], egress: egress?.text, resolver: resolver)
        return LeaseRecord(id: Int64(number), key: key, address: 0xac1e_0000 + number, tap: tap, owner: owner)
    }

    private func rules(_ leases: [LeaseRecord]) throws -> String {
        FirewallRules(
            bridge: "br0", subnet: try Subnet("172.30.0.0/24"), bridgeIndex: 7, isolatesGuests: false,
            openHostPorts: [],
            nameServers: [], leases: leases
        ).text
    }

    @Test("when the tables are made, the resolvers and the rules of all guests that run are in them")
    func anew() throws {
        let policy = EgressPolicy(
            .deny,
            rules: [
                try EgressRule("allow:10.0.0.0/8:443/tcp"), try EgressRule("allow:*.example.com:80"),
                try EgressRule("deny:*:25"), try EgressRule("allow:192.0.2.1"), try EgressRule("allow:*/udp"),
            ])
        let text = try rules([
            lease(2, egress: policy, resolver: "172.30.0.1:4000"), lease(3, resolver: "172.30.0.1:4001"), lease(4),
        ])
        #expect(text.contains("elements = { 172.30.0.2 : 172.30.0.1 . 4000, 172.30.0.3 : 172.30.0.1 . 4001 }"))
        #expect(text.contains("elements = { 172.30.0.2 . 172.30.0.1 . 4000, 172.30.0.3 . 172.30.0.1 . 4001 }"))
        #expect(text.contains("elements = { 172.30.0.2 : goto vm-172.30.0.2 }"))
        let chain = """
                chain vm-172.30.0.2 {
                    ct state established,related ct mark 2147483650 accept
                    ip daddr 10.0.0.0/8 tcp dport 443 ct mark set 2147483650 accept
                    ip daddr @vm-172.30.0.2-1 meta l4proto { tcp, udp } th dport 80 ct mark set 2147483650 accept
                    meta l4proto { tcp, udp } th dport 25 reject with icmp type admin-prohibited
                    ip daddr 192.0.2.1/32 ct mark set 2147483650 accept
                    meta l4proto udp ct mark set 2147483650 accept
                    reject with icmp type admin-prohibited
                }
            """
        #expect(Self.lines(text).contains(Self.lines(chain)), "\(text)")
        #expect(text.contains("set vm-172.30.0.2-1 { type ipv4_addr; size 4096; flags timeout; }"))
        #expect(!text.contains("vm-172.30.0.3") && !text.contains("vm-172.30.0.4"))
    }

    @Test("a rule that denies a domain is about its name alone: there is no set for it, which nobody would fill")
    func deniedDomains() throws {
        let rules = ["deny:bad.example.com", "allow:*.example.com:443", "deny:*.org", "deny:192.0.2.1"]
        let policy = EgressPolicy(.allow, rules: try rules.map { text in try EgressRule(text) })
        let chain = try #require(EgressChain(lease(2, egress: policy)))
        #expect(chain.sets == ["vm-172.30.0.2-1"])
        #expect(
            Self.lines(chain.definition)
                == Self.lines(
                    """
                    set vm-172.30.0.2-1 { type ipv4_addr; size 4096; flags timeout; }
                    chain vm-172.30.0.2 {
                    ct state established,related ct mark 2147483650 accept
                    ip daddr @vm-172.30.0.2-1 meta l4proto { tcp, udp } th dport 443 ct mark set 2147483650 accept
                    ip daddr 192.0.2.1/32 reject with icmp type admin-prohibited
                    ct mark set 2147483650 accept
                    }
                    """))
        #expect(chain.domainRules.map(\.allows) == [false, true, false])
        #expect(chain.domainRules.map(\.set) == ["", "vm-172.30.0.2-1", ""])
    }

    @Test("what is always closed comes before what a guest's own rules allow")
    func order() throws {
        let policy = EgressPolicy(.deny, rules: [try EgressRule("allow:*")])
        let lines = try rules([lease(2, egress: policy)]).split(separator: "\n").map { $0.trimmed }
        let index = { (line: String) in lines.firstIndex(of: line) ?? -1 }
        let metadata = index(#"iifname "br0" ip daddr 169.254.0.0/16 reject with icmp type admin-prohibited"#)
        let egress = index("ip saddr vmap @egress")
        #expect(metadata > 0 && metadata < egress)
        // A connection goes on by the mark of its own lease, and by nothing that an earlier one has left.
        #expect(!lines[..<egress].contains("ct state established,related accept"))
    }

    @Test("rules that were written down and cannot be read allow nothing")
    func unreadable() throws {
        var lease = lease(2)
        lease.tap?.egress = "nonsense"
        let chain = try #require(EgressChain(lease))
        #expect(chain.policy == EgressPolicy(.deny))
        lease.tap?.egress = nil
        #expect(EgressChain(lease) == nil)
    }

    @Test("the elements of a resolver, as the kernel has them")
    func elements() throws {
        let resolver = try #require(GuestResolver(lease(2, resolver: "172.30.0.1:4000")))
        #expect(resolver.mapKey == [172, 30, 0, 2])
        #expect(resolver.mapValue == [172, 30, 0, 1, 0x0f, 0xa0, 0, 0])
        #expect(resolver.setKey == [172, 30, 0, 2, 172, 30, 0, 1, 0x0f, 0xa0, 0, 0])
        for text in ["", "172.30.0.1", "172.30.0.1:", "172.30.0.1:65536", "x:1", "::1:1"] {
            #expect(GuestResolver(lease(2, resolver: text)) == nil)
        }
    }

    private static func lines(_ text: String) -> String {
        text.split(separator: "\n").map { $0.trimmed }.joined(separator: "\n")
    }
}

extension Substring {
    fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
