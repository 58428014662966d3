import Linux
import Testing

@testable import SmartVM

/// The host's network as its own programs show it.
enum NetworkHost {
    static func ip(_ arguments: String...) async throws -> String {
        try await Tool(name: "ip", purpose: "look at interfaces", package: "iproute2").run(arguments)
    }

    static func rules() async throws -> String {
        try await Tool(name: "nft", purpose: "look at rules", package: "nftables").run(["list", "ruleset"])
    }

    static func forwards() throws -> Bool {
        try File.readText("/proc/sys/net/ipv4/ip_forward").hasPrefix("1")
    }

    /// All interfaces but lo and those of the kernel's making.
    static func interfaces() throws -> [String] {
        var socket = try NetlinkSocket()
        return try socket.links().filter { $0.kind == "bridge" || $0.kind == "tun" }.map(\.name).sorted()
    }

    /// A sentence for each thing of a network that is there: nothing, when all of it was removed.
    static func traces(_ manager: NetworkManager) async throws -> [String] {
        var traces = try interfaces().map { "interface \($0)" }
        let rules = try await rules()
        if !rules.isEmpty { traces.append("rules: \(rules)") }
        if try forwards() { traces.append("forwarding is on") }
        let state = try manager.settings.store.networkState()
        traces += state.leases.map { "lease \($0)" } + state.networks.map { "network \($0)" }
        return traces
    }
}

/// A directory for a test, short since sockets may be made in it.
func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/smartvm-\(uniqueName("net"))"
    try FileTree.makeDirectory(path, mode: 0o700)
    do {
        let result = try await body(path)
        try FileTree.removeAll(path)
        return result
    } catch {
        try? FileTree.removeAll(path)
        throw error
    }
}
