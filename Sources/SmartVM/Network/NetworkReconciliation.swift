/// What ``NetworkManager/reconcile()`` has put right.
public struct NetworkReconciliation: Hashable, Sendable {
    /// Names of interfaces that were nobody's.
    public var removedTaps: [String] = []
    /// Addresses that guests can be given again.
    public var releasedIps: [String] = []
    /// Bridges in which no guest was left.
    public var removedBridges: [String] = []
    /// Networks whose guests had lost their firewall rules, which were made anew: the names of their bridges, or of networks.
    public var restoredRules: [String] = []
    /// Sentences about what could not be removed; it stays written down for the next time.
    public var problems: [String] = []

    /// Whether there was nothing to do.
    public var isEmpty: Bool {
        removedTaps.isEmpty && releasedIps.isEmpty && removedBridges.isEmpty && restoredRules.isEmpty
            && problems.isEmpty
    }
}
