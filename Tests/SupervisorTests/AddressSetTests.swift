import Glibc
import Linux
import SupervisorProtocol
import Synchronization
import Testing

@testable import Supervisor

@Suite("sets of the firewall")
struct AddressSetTests {
    private static func rule(_ pattern: String, _ set: String) -> NetworkPlan.DomainRule {
        NetworkPlan.DomainRule(pattern: pattern, allows: true, table: "smartvm-test", set: set)
    }

    /// Address and seconds until it goes, of each element.
    private static func elements(of set: String) throws -> [String: Int] {
        let text = try PrivateNetwork.nft(["-j", "list", "set", "ip", "smartvm-test", set])
        var elements: [String: Int] = [:]
        for element in text.split(separator: "\"val\": \"").dropFirst() {
            let parts = element.split(separator: "\"expires\": ")
            guard parts.count > 1, let seconds = Int(parts[1].prefix { $0.isNumber }) else { continue }
            elements[String(element.prefix { $0 != "\"" })] = seconds
        }
        return elements
    }

    @Test(
        "addresses of allowed names are in the rule's set before the guest hears of them, and last from the last answer on"
    )
    func sets() throws {
        try #require(geteuid() == 0, "network namespaces are made by root")
        struct Seen {
            var answered: [String] = []
            var atAnswer: [String: Int] = [:]
            var first: [String: Int] = [:]
            var second: [String: Int] = [:]
            var renewed: [String: Int] = [:]
            var stripped: [String] = []
            var other: [String] = []
            var many = 0
            var missing: DNSCode?
        }
        let seen = try PrivateNetwork.run { () throws -> Seen in
            var seen = Seen()
            try PrivateNetwork.nft([
                """
                table ip smartvm-test {
                    set first { type ipv4_addr; flags timeout; }
                    set second { type ipv4_addr; flags timeout; }
                }
                """
            ])
            var netlink = try NetlinkSocket()
            let loopback = try #require(try netlink.link(named: "lo"))
            try netlink.addAddress(0x0a09_0807, prefixLength: 24, to: loopback.index)
            let server = try FakeNameServer { query, _, _ in
                if query.name == DomainName("many.example.com") {
                    return query.answer(
                        .noError, (0..<500).map { DNSMessages.record("198.18.\($0 / 250).\($0 % 250 + 1)") })
                }
                return query.answer(
                    .noError,
                    [
                        DNSMessages.alias("edge.example.net"),
                        DNSMessages.record("192.0.2.7", owner: "edge.example.net", lifetime: 10),
                        DNSMessages.record("192.0.2.8", owner: "edge.example.net", lifetime: 3600),
                        // Of the host itself, to all of a wire of it, of the clouds' credentials; another name's.
                        DNSMessages.record("10.9.8.7", owner: "edge.example.net"),
                        DNSMessages.record("10.9.8.255", owner: "edge.example.net"),
                        DNSMessages.record("169.254.169.254", owner: "edge.example.net"),
                        DNSMessages.record("198.51.100.1", owner: "other.example"),
                    ])
            }
            let stage = try NetworkStage(
                servers: [server.text],
                rules: [
                    Self.rule("one.example.com", "first"), Self.rule("*.example.com", "second"),
                    Self.rule("none.example", "nosuch"),
                ], refusesUnlisted: true)
            seen.answered = DNSMessages.addresses(in: try stage.ask("one.example.com"))
            seen.first = try Self.elements(of: "first")
            seen.second = try Self.elements(of: "second")
            usleep(2_100_000)
            seen.atAnswer = try Self.elements(of: "first")
            _ = try stage.ask("one.example.com")
            seen.renewed = try Self.elements(of: "first")
            try PrivateNetwork.nft(["flush", "set", "ip", "smartvm-test", "first"])
            _ = try stage.askOverTCP([DNSMessages.query("two.example.com")])
            seen.other = try Self.elements(of: "first").keys.sorted()
            _ = try stage.askOverTCP([DNSMessages.query("many.example.com"), DNSMessages.query("many.example.com")])
            seen.many = try Self.elements(of: "second").count
            seen.missing = DNSMessages.code(of: try stage.ask("none.example"))
            return seen
        }
        #expect(seen.answered == ["192.0.2.7", "192.0.2.8", "198.51.100.1"])
        #expect(seen.first.keys.sorted() == ["192.0.2.7", "192.0.2.8"])
        // The next rule allows it too, for other ports perhaps.
        #expect(seen.second.keys.sorted() == ["192.0.2.7", "192.0.2.8"])
        let short = try #require(seen.first["192.0.2.7"])
        #expect((115...120).contains(short))
        #expect((3650...3660).contains(try #require(seen.first["192.0.2.8"])))
        // It had become less, and is as much as before again.
        #expect(try #require(seen.atAnswer["192.0.2.7"]) <= short - 1)
        #expect(try #require(seen.renewed["192.0.2.7"]) >= short - 1)
        #expect(try #require(seen.renewed["192.0.2.7"]) > #require(seen.atAnswer["192.0.2.7"]))
        #expect(seen.other.isEmpty)
        #expect(seen.many == 502)
        #expect(seen.missing == .serverFailure)
    }
}
