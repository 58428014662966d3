internal import SupervisorProtocol

/// Which names a guest may ask the world for.
struct DomainPolicy {
    enum Decision: Equatable {
        case refused
        /// With the rules that name the sets for its addresses.
        case allowed([NetworkPlan.DomainRule])
    }

    private struct Pattern {
        var name: DomainName
        /// Whether it means the names below it, and not itself.
        var isWildcard: Bool
        var rule: NetworkPlan.DomainRule

        func matches(_ other: DomainName) -> Bool {
            isWildcard ? other.isBelow(name) : other == name
        }
    }

    private let patterns: [Pattern]
    private let refusesUnlisted: Bool

    init(_ rules: [NetworkPlan.DomainRule], refusesUnlisted: Bool) throws(NetworkFault) {
        var patterns: [Pattern] = []
        for rule in rules {
            let isWildcard = rule.pattern.hasPrefix("*.")
            guard let name = DomainName(isWildcard ? String(rule.pattern.dropFirst(2)) : rule.pattern) else {
                throw NetworkFault("'\(rule.pattern)' is no domain name")
            }
            patterns.append(Pattern(name: name, isWildcard: isWildcard, rule: rule))
        }
        self.patterns = patterns
        self.refusesUnlisted = refusesUnlisted
    }

    /// The first rule that matches decides. If it allows the name, those that follow it and allow it too, up to one that does not, get the
    /// addresses as well: each of them may let other ports through.
    func decision(for name: DomainName) -> Decision {
        let rules = patterns.lazy.filter { $0.matches(name) }.map(\.rule)
        guard let first = rules.first else { return refusesUnlisted ? .refused : .allowed([]) }
        return first.allows ? .allowed(Array(rules.prefix { $0.allows })) : .refused
    }
}
