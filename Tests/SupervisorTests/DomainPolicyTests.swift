import Linux
import SupervisorProtocol
import Testing

@testable import Supervisor

@Suite("which names a guest may ask for")
struct DomainPolicyTests {
    private static func rule(_ pattern: String, allows: Bool = true) -> NetworkPlan.DomainRule {
        NetworkPlan.DomainRule(pattern: pattern, allows: allows, table: "t", set: pattern)
    }

    private func decision(
        _ name: String, _ rules: [NetworkPlan.DomainRule], refusesUnlisted: Bool = false
    ) throws -> DomainPolicy.Decision {
        try DomainPolicy(rules, refusesUnlisted: refusesUnlisted).decision(for: try #require(DomainName(name)))
    }

    @Test("the first rule that matches decides, and what no rule matches is as the rest")
    func order() throws {
        let rules = [
            Self.rule("bad.example.com", allows: false), Self.rule("*.Example.com"),
            Self.rule("example.com", allows: false),
        ]
        #expect(try decision("BAD.example.com", rules) == .refused)
        #expect(try decision("very.bad.example.com", rules) == .allowed([rules[1]]))
        #expect(try decision("www.example.COM", rules) == .allowed([rules[1]]))
        #expect(try decision("example.com", rules) == .refused)
        #expect(try decision("example.org", rules) == .allowed([]))
        #expect(try decision("example.org", rules, refusesUnlisted: true) == .refused)
        // Several that allow, until one does not.
        let more = [Self.rule("a.example.com"), Self.rule("b.example.com")] + rules + [Self.rule("a.example.com")]
        #expect(try decision("a.example.com", more) == .allowed([more[0], more[3], more[5]]))
        let ended = [Self.rule("a.example.com"), Self.rule("*.com", allows: false), Self.rule("a.example.com")]
        #expect(try decision("a.example.com", ended) == .allowed([ended[0]]))
        #expect(try decision("notexample.com", rules, refusesUnlisted: true) == .refused)
        #expect(try decision("example.com.evil.org", rules, refusesUnlisted: true) == .refused)
    }

    @Test(
        "what is no domain name is no rule", arguments: ["", "*", "*.", "*.*.com", "a.*.com", "b\u{fc}cher.de", "a b"])
    func nonsense(pattern: String) {
        #expect(throws: NetworkFault.self) { try DomainPolicy([Self.rule(pattern)], refusesUnlisted: true) }
    }

    @Test("names of VMs lead to a file of a directory and to nothing else")
    func names() throws {
        let directory = "/tmp/smartvm-names-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        try File.write(Array("172.30.0.2\n".utf8), to: "\(directory)/web")
        try File.write(Array("172.30.0.3\n172.30.0.4\nnonsense\n::1\n".utf8), to: "\(directory)/My.VM")
        try File.write(Array("172.30.0.9\n".utf8), to: "\(directory)/.hidden")
        try FileTree.makeSymbolicLink("\(directory)/link", to: "\(directory)/web")
        let names = VMNames(["/nowhere", directory])
        func vm(_ name: String) -> String? { DomainName(name).flatMap { VMNames.vm($0) } }
        #expect(vm("WEB") == "web" && vm("web.internal") == "web" && vm("my.vm.internal") == "my.vm")
        #expect(vm("web.example.com") == nil && vm("my.vm") == nil)
        for hostile: [UInt8] in [Array("..".utf8), Array("a/b".utf8), Array(".hidden".utf8), [0x61, 0], [0xff]] {
            var offset = 0
            let name = try #require(DomainName(in: [UInt8(hostile.count)] + hostile + [0], at: &offset))
            #expect(VMNames.vm(name) == nil)
        }
        let two = [172 << 24 | 30 << 16 | 3, 172 << 24 | 30 << 16 | 4] as [UInt32]
        #expect(names.addresses(of: "web") == [172 << 24 | 30 << 16 | 2])
        #expect(names.addresses(of: "my.vm") == two)
        #expect(names.addresses(of: "link") == nil && names.addresses(of: "nosuch") == nil)
        #expect(names.vm(at: two[1]) == "My.VM" && names.vm(at: 7) == nil)
        #expect(try VMNames.reversed(#require(DomainName("2.0.30.172.in-addr.arpa"))) == 172 << 24 | 30 << 16 | 2)
        for none in [
            "2.0.30.in-addr.arpa", "2.0.30.300.in-addr.arpa", "2.0.30.172.ip6.arpa", "02.0.30.172.in-addr.arpa",
        ] {
            #expect(try VMNames.reversed(#require(DomainName(none))) == nil)
        }
    }

    @Test(
        "servers are read with and without a port",
        arguments: [
            ("192.0.2.1", 4, 53), ("192.0.2.1:5353", 4, 5353), ("2001:db8::1", 16, 53), ("[2001:db8::1]:54", 16, 54),
            ("[2001:db8::1]", 16, 53),
        ])
    func servers(text: String, length: Int, port: Int) {
        let address = SocketAddress(nameServer: text)
        #expect(address?.address.count == length && address?.port == UInt16(port))
    }

    @Test(
        "what is no server is none",
        arguments: ["", "192.0.2", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:99999", "ns.example", "[::1"])
    func noServers(text: String) {
        #expect(SocketAddress(nameServer: text) == nil)
    }
}
