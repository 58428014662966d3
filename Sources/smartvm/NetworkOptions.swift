import ArgumentParser
import SmartVM

/// How a VM that stays is connected.
struct NetworkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A network for it, which may be given again for another; the first leads to the world. none: no network. "
                + "Default: the network default, where it can be made.", valueName: "name"),
        completion: .networks)
    var network: [String] = []

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A port of this host that leads to one of the guest: 8080:80, 0.0.0.0:8080:80, 5353:53/udp, :80 for a free one. "
                + "Default address: 127.0.0.1.", valueName: "[ip:]host:guest[/udp]"),
        transform: { text in try NetworkOptions.parsing { () throws(SmartVMError) in try PublishedPort(text) } })
    var publish: [PublishedPort] = []

    @Option(
        help: ArgumentHelp(
            "What the guest may send to the world where no --egress-rule says otherwise.", valueName: "allow|deny"))
    var egress = EgressArgument.allow

    @Option(
        help: ArgumentHelp(
            "A rule about what it may send, the first that matches deciding: allow:*.example.com:443/tcp, deny:10.0.0.0/8. "
                + "To deny a domain refuses its name alone; --egress deny stops the packets too.",
            valueName: "action:target[:ports][/tcp|/udp]"),
        transform: { text in try NetworkOptions.parsing { () throws(SmartVMError) in try EgressRule(text) } })
    var egressRule: [EgressRule] = []

    func validate() throws {
        if network.contains("none"), network.count > 1 {
            throw ValidationError("--network none and other networks exclude each other.")
        }
    }

    /// Whether anything was asked for.
    var isUsed: Bool { !network.isEmpty || !publish.isEmpty || egress != .allow || !egressRule.isEmpty }

    func apply(to config: inout SandboxConfig) {
        if !network.isEmpty { config.networks = network == ["none"] ? [] : network }
        config.ports = publish
        config.egress = EgressPolicy(egress == .allow ? .allow : .deny, rules: egressRule)
    }

    /// A mistake in an argument is told with its cure.
    private static func parsing<Value>(_ body: () throws(SmartVMError) -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw ValidationError([error.message, error.cure].compactMap { $0 }.joined(separator: " "))
        }
    }
}

/// As an option says it.
enum EgressArgument: String, ExpressibleByArgument, CaseIterable {
    case allow, deny
}

extension Sandbox {
    /// Says on standard error why it has no network, if it was to have one where that is possible.
    func warnOfMissingNetwork() async {
        guard let problem = try? await info.networkProblem else { return }
        StandardError.print(
            "smartvm: warning: the VM has no network: \(problem) (--network none says that it needs none)")
    }
}
