import FoundationEssentials
import Linux
import Testing

@testable import SmartVM

@Suite("Egress rules")
struct EgressRuleTests {
    @Test(
        "rules are read, and written as they are read",
        arguments: [
            "allow:*", "deny:*:25/tcp", "allow:10.0.0.0/8", "allow:192.0.2.1", "deny:192.0.2.1:53/udp",
            "allow:example.com", "allow:*.example.com:443/tcp", "allow:a_b.example.com:8000-9000", "allow:com",
            "deny:198.51.100.0/29:1-65535", "allow:*/udp", "allow:x1.2y/tcp", "deny:example.com",
        ])
    func roundTrip(text: String) throws {
        #expect(try EgressRule(text).description == text)
    }

    @Test("what means the same is written in one way")
    func canonical() throws {
        #expect(try EgressRule("allow:10.1.2.3/8").description == "allow:10.0.0.0/8")
        #expect(try EgressRule("allow:0.0.0.0/0").target == .everywhere)
        #expect(try EgressRule("deny:192.0.2.1/32").description == "deny:192.0.2.1")
        #expect(try EgressRule("allow:*.Example.COM:443-443").description == "allow:*.example.com:443")
    }

    @Test(
        "rules that cannot be used are refused with the reason and a cure",
        arguments: [
            ("", "no target"), ("allow", "no target"), ("allow:", "no IPv4 address"), ("permit:*", "neither allow"),
            ("allow:10.0.0.0/33", "prefix length"), ("allow:10.0.0.0/8/8", "no IPv4 address"),
            ("allow:1.2.3", "no IPv4 address"), ("allow:1.2.3.4.5", "no IPv4 address"), ("allow:*.*.com", "a * stands"),
            ("allow:*com", "a * stands"), ("allow:a..b", "no domain"), ("allow:-a.com", "no domain"),
            ("allow:x:0", "no port"), ("allow:x:65536", "no port"), ("allow:x:9-8", "no port"),
            ("allow:x:1-2-3", "no port"),
            ("allow:x:80/sctp", "no port"), ("allow:x:", "no port"), ("allow:fd00::1", "too many colons"),
            ("deny:x.y:80", "by its name"), ("deny:*.x/udp", "by its name"), ("allow:x:80:90", "too many colons"),
            ("allow:a b", "too long, or holds"),
            ("allow:a\n", "too long, or holds"),
            ("allow:bücher.example", "too long, or holds"), ("allow:x;drop", "no domain"), ("allow:x}", "no domain"),
            ("allow:" + String(repeating: "a", count: 64), "no domain"),
        ])
    func refusals(text: String, reason: String) {
        let error = #expect(throws: SmartVMError.self) { try EgressRule(text) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains(reason) == true, "\(error as Any)")
        #expect(error?.cure != nil)
    }

    @Test("no text makes a rule that is not one line of what nft takes")
    func hostile() throws {
        var generator = SeededGenerator(seed: 5)
        let alphabet = Array("allowdeny:*./-0123456789ab;{}\"\n @\\$#'")
        for _ in 0..<20_000 {
            let tail = String(
                (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                })
            guard let rule = try? EgressRule("allow:" + tail) else { continue }
            let chain = try #require(EgressChain(Self.lease(EgressPolicy(.deny, rules: [rule]))))
            #expect(!chain.definition.contains(where: { ";\"\\$#'".contains($0) && $0 != ";" }), "\(tail)")
            #expect(chain.definition.split(separator: "\n").count == 5 + chain.sets.count, "\(tail)")
        }
    }

    private static func lease(_ policy: EgressPolicy) -> LeaseRecord {
        LeaseRecord(
            id: 1, key: NetworkKey(namespace: "1", bridge: "br"), address: 1,
            tap: LeaseRecord.Tap(vm: "a", interface: "eth0", name: "sva", mac: "", egress: policy.text),
            owner: ProcessIdentity(pid: 1, startTime: 1, bootID: "boot"))
    }

    @Test(
        "where everything is denied all names are refused but those that are allowed, unless some port of everybody is open",
        arguments: [
            ([], true), (["allow:example.com"], true), (["allow:10.0.0.0/8"], true), (["allow:*:443/tcp"], false),
            (["deny:10.0.0.0/8", "allow:0.0.0.0/0:80"], false), (["deny:*:25", "allow:*"], false),
            (["deny:*", "allow:*:443"], true), (["deny:*/udp"], true),
        ])
    func unlistedNames(rules: [String], refuses: Bool) throws {
        let rules = try rules.map { text in try EgressRule(text) }
        #expect(EgressPolicy(.deny, rules: rules).refusesUnlistedNames == refuses)
        #expect(!EgressPolicy(.allow, rules: rules).refusesUnlistedNames)
    }

    @Test("a policy is the same after it was written down, in the database and as JSON")
    func policies() throws {
        let policy = EgressPolicy(
            .deny, rules: [try EgressRule("allow:*.example.com:443/tcp"), try EgressRule("deny:10.0.0.0/8")])
        #expect(EgressPolicy(text: policy.text) == policy)
        #expect(EgressPolicy(text: "") == nil && EgressPolicy(text: "deny\nnonsense") == nil)
        #expect(!policy.isOpen && EgressPolicy().isOpen)
        var config = SandboxConfig(vm: VMConfig(id: "a", image: "minimal"), networks: ["default", "back"])
        config.egress = policy
        config.ports = [try PublishedPort("8080:80")]
        let data = try JSONEncoder().encode(config)
        #expect(try JSONDecoder().decode(SandboxConfig.self, from: data) == config)
        // One that was written before there were networks.
        let old = try JSONDecoder().decode(
            SandboxConfig.self, from: Data(#"{"vm":{"id":"a","image":"minimal"},"restart":"no"}"#.utf8))
        #expect(old.networks == nil && old.ports == [] && old.egress == EgressPolicy())
        let many = EgressPolicy(.deny, rules: Array(repeating: policy.rules[0], count: 257))
        #expect(throws: SmartVMError.self) { try many.check() }
    }
}
