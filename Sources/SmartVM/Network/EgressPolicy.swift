internal import FirecrackerClient

/// What a guest may send beyond its network: an ordered list of rules, of which the first that matches decides, and what holds if none does.
///
/// It is enforced on the host, where the guest's packets leave its network, and for names where the guest asks for them. What guests of one
/// network send each other is not its matter. The link-local addresses, where clouds answer with credentials, and the host's own services
/// stay closed whatever the rules say.
public struct EgressPolicy: Hashable, Sendable {
    /// What becomes of traffic, or of a question for a name.
    public enum Action: String, Hashable, Sendable, CaseIterable {
        /// It may go.
        case allow
        /// It is refused.
        case deny
    }

    /// At most ``maximumRules``, in the order in which they are asked. Default: none.
    public var rules: [EgressRule]
    /// What becomes of that which no rule names. Default: it is allowed. If it is denied the guest gets no names but those that a rule
    /// allows, and those of VMs; one that allows a part of everything (`allow:*:443/tcp`) allows all names.
    public var defaultAction: Action

    /// Each parameter sets the property of its name, which says what it means.
    public init(_ defaultAction: Action = .allow, rules: [EgressRule] = []) {
        self.defaultAction = defaultAction
        self.rules = rules
    }

    /// How many rules there may be.
    public static let maximumRules = 256

    /// Whether the guest gets no names but those that a rule allows. Where it may reach some port of everybody, it needs everybody's names.
    var refusesUnlistedNames: Bool {
        guard defaultAction == .deny else { return false }
        for rule in rules where rule.target == .everywhere {
            if rule.action == .allow { return false }
            // What follows a rule that denies everything is never asked.
            if rule.ports == nil && rule.transport == nil { return true }
        }
        return true
    }

    /// Whether it forbids nothing.
    var isOpen: Bool { defaultAction == .allow && rules.allSatisfy { $0.action == .allow } }
}

extension EgressPolicy {
    /// As it is written down: what holds if no rule does, and the rules, one a line.
    var text: String { ([defaultAction.rawValue] + rules.map(\.description)).joined(separator: "\n") }

    /// Reads what ``text`` gives.
    init?(text: String) {
        let lines = text.split(separator: "\n")
        guard let action = lines.first.flatMap({ Action(rawValue: String($0)) }) else { return nil }
        let rules = lines.dropFirst().compactMap { try? EgressRule(String($0)) }
        guard rules.count == lines.count - 1 else { return nil }
        self.init(action, rules: rules)
    }

    /// - Throws: `INVALID_CONFIG` if there are too many rules.
    func check() throws(SmartVMError) {
        guard rules.count <= Self.maximumRules else {
            throw SmartVMError(
                .invalidConfiguration, "\(rules.count) egress rules are more than \(Self.maximumRules).",
                cure: "Say more with fewer: a CIDR for many addresses, *.domain for many names.")
        }
    }
}

extension EgressPolicy: Codable {
    private enum CodingKeys: String, CodingKey {
        case defaultAction = "default"
        case rules
    }

    /// Reads what ``encode(to:)`` writes.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let text = try values.decodeIfPresent(String.self, forKey: .defaultAction) ?? Action.allow.rawValue
        guard let action = Action(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .defaultAction, in: values, debugDescription: "'\(text)' is neither allow nor deny")
        }
        let rules = try values.decodeIfPresent([String].self, forKey: .rules) ?? []
        self.init(action, rules: try rules.map { text in try EgressRule(text) })
    }

    /// Writes rules as ``EgressRule/init(_:)`` reads them.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(defaultAction.rawValue, forKey: .defaultAction)
        try values.encode(rules.map(\.description), forKey: .rules)
    }
}
