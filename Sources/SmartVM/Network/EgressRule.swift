public import FirecrackerClient
internal import GuestProtocol

/// One rule of an ``EgressPolicy``: `ACTION:TARGET[:PORTS][/tcp|/udp]`.
///
///     try EgressRule("allow:*.example.com:443/tcp")
///     try EgressRule("deny:10.0.0.0/8")
///
/// Theory of operation. An address or a network becomes a rule of the firewall. A domain becomes a set of addresses: when the guest asks
/// for a name that matches, what its answer holds is put into the set before the guest has it, for as long as the answer is good. A rule
/// that denies a domain refuses the name to the guest and no packet: a guest that knows the address, or asks a resolver elsewhere, is
/// stopped only where everything that is not allowed is denied.
public struct EgressRule: Hashable, Sendable {
    /// Where traffic goes.
    public enum Target: Hashable, Sendable {
        /// Everywhere: `*`.
        case everywhere
        /// An IPv4 network; a single address has the prefix length 32.
        case network(address: String, prefixLength: Int)
        /// A name and no other: `example.com`.
        case domain(String)
        /// All names below one, and not itself: `*.example.com`.
        case subdomains(of: String)
    }

    /// What becomes of it.
    public var action: EgressPolicy.Action
    /// Where it goes.
    public var target: Target
    /// From 1 to 65535. Default: nil, all ports, and protocols that have none.
    public var ports: ClosedRange<Int>?
    /// Default: nil, both; and every other protocol, if ``ports`` is nil too.
    public var transport: PublishedPort.Transport?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        _ action: EgressPolicy.Action, _ target: Target, ports: ClosedRange<Int>? = nil,
        transport: PublishedPort.Transport? = nil
    ) {
        self.action = action
        self.target = target
        self.ports = ports
        self.transport = transport
    }
}

extension EgressRule: CustomStringConvertible {
    /// Reads `ACTION:TARGET[:PORTS][/tcp|/udp]`: ACTION is `allow` or `deny`; TARGET an IPv4 address, a CIDR, a domain, `*.domain` or `*`;
    /// PORTS a number or two with a hyphen.
    ///
    /// - Throws: `INVALID_CONFIG`, which says what is wrong.
    public init(_ text: String) throws(SmartVMError) {
        guard text.utf8.count <= 300, !text.utf8.contains(where: { $0 < 0x21 || $0 > 0x7e }) else {
            throw Self.invalid(text, "it is too long, or holds what no name does")
        }
        var rest = text[...]
        var transport: PublishedPort.Transport?
        for candidate in PublishedPort.Transport.allCases where rest.hasSuffix("/\(candidate.rawValue)") {
            transport = candidate
            rest = rest.dropLast(candidate.rawValue.utf8.count + 1)
        }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count) else {
            throw Self.invalid(
                text,
                parts.count > 3
                    ? "it has too many colons (IPv6 has no rules: guests have IPv4 alone)" : "it has no target")
        }
        guard let action = EgressPolicy.Action(rawValue: parts[0]) else {
            throw Self.invalid(text, "it begins with '\(parts[0])', which is neither allow nor deny")
        }
        self.init(action, try Self.target(parts[1], in: text), transport: transport)
        if parts.count == 3 { ports = try Self.ports(parts[2], in: text) }
        if action == .deny, isOfDomain, ports != nil || transport != nil {
            throw Self.invalid(text, "a denied domain is refused by its name, for all ports and protocols alike")
        }
    }

    private var isOfDomain: Bool {
        switch target {
        case .domain, .subdomains: true
        case .everywhere, .network: false
        }
    }

    /// As ``init(_:)`` reads it.
    public var description: String {
        let target =
            switch target {
            case .everywhere: "*"
            case .network(let address, let length): length == 32 ? address : "\(address)/\(length)"
            case .domain(let name): name
            case .subdomains(let name): "*.\(name)"
            }
        let range = ports.map { $0.count == 1 ? ":\($0.lowerBound)" : ":\($0.lowerBound)-\($0.upperBound)" } ?? ""
        return "\(action.rawValue):\(target)\(range)\(transport.map { "/\($0.rawValue)" } ?? "")"
    }

    private static func target(_ text: String, in rule: String) throws(SmartVMError) -> Target {
        if text == "*" { return .everywhere }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if let address = IPAddress(parts.first ?? ""), address.isIPv4, parts.count <= 2 {
            guard parts.count == 2 else { return .network(address: "\(address)", prefixLength: 32) }
            guard let length = Int(decimal: parts[1], in: 0...32) else {
                throw invalid(rule, "'\(parts[1])' is no prefix length from 0 to 32")
            }
            let base = Subnet.number(address) & Subnet.mask(length)
            return length == 0 ? .everywhere : .network(address: Subnet.text(base), prefixLength: length)
        }
        let isWildcard = text.hasPrefix("*.")
        let name = (isWildcard ? text.dropFirst(2) : text[...]).lowercased()
        guard isDomain(name) else {
            throw invalid(
                rule,
                "'\(text)' is no IPv4 address, no CIDR and no domain; a * stands for everything, or for the first labels of one"
            )
        }
        return isWildcard ? .subdomains(of: name) : .domain(name)
    }

    /// Labels of letters, digits, hyphens and underscores, and not all of them numbers: that would be an address with a mistake in it.
    private static func isDomain(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isWellFormed = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                }
        }
        return isWellFormed && name.utf8.count <= 253 && labels.last?.contains(where: \.isLetter) == true
    }

    private static func ports(_ text: String, in rule: String) throws(SmartVMError) -> ClosedRange<Int> {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map {
            Int(decimal: String($0), in: 1...65535)
        }
        guard (1...2).contains(parts.count), let first = parts[0], let last = parts[parts.count - 1], first <= last
        else { throw invalid(rule, "'\(text)' is no port from 1 to 65535, and no range of them such as 8000-9000") }
        return first...last
    }

    private static func invalid(_ text: String, _ reason: String) -> SmartVMError {
        SmartVMError(
            .invalidConfiguration, "The egress rule '\(text)' cannot be used: \(reason).",
            cure: "Write ACTION:TARGET[:PORTS][/tcp|/udp], for example allow:*.example.com:443/tcp or deny:10.0.0.0/8.")
    }
}
