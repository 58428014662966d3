internal import FirecrackerClient
internal import Linux

/// Rules that somebody has removed while VMs run: all of nft(8)'s go when nftables is restarted.
extension GuestNetworks {
    private struct Lack: Sendable {
        var network: String
        var settings: NetworkSettings
        var rules: FirewallRules
    }

    /// Makes the rules anew of those networks of running VMs that have none. The caller has the lock.
    ///
    /// - Parameter joinsPorts: Whether to look for TAPs that are no ports of their bridge though the rules are there. Default: no.
    /// - Returns: The names of the networks that had none.
    func restoreRules(joinsPorts: Bool = false) async throws -> [String] {
        let lacks = try await BlockingWork.wait { try lookForRules(joinsPorts: joinsPorts) }
        for lack in lacks {
            try await lack.rules.apply()
            try await Self.joinPorts(lack.settings)
        }
        return lacks.map(\.network)
    }

    static func joinPorts(_ settings: NetworkSettings) async throws {
        try await BlockingWork.wait {
            var session = try NetworkSession(settings)
            try session.joinPorts()
        }
    }

    private func lookForRules(joinsPorts: Bool) throws(SmartVMError) -> [Lack] {
        let state = try store.networkState()
        if state.networks.isEmpty { return [] }
        var lacks: [Lack] = []
        var definitions = try all()
        let implicit = implicitDefault()
        // This process may have been told of another bridge than what is remembered.
        if !definitions.contains(where: { $0.bridge == implicit.bridge }) { definitions.append(implicit) }
        for definition in definitions {
            guard let made = state.networks.first(where: { $0.key.bridge == definition.bridge }) else { continue }
            let settings = try settings(definition, subnet: made.subnet)
            var session = try NetworkSession(settings)
            if let rules = try session.missingRules(state) {
                lacks.append(Lack(network: definition.name, settings: settings, rules: rules))
            } else if joinsPorts, state.networks.contains(where: { $0.key == session.key }) {
                try session.joinPorts()
            }
        }
        return lacks
    }
}
