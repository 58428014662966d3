/// The effects of the network's operations, in their order. Between any two of them the process can be killed; a test does that.
enum NetworkStep: String, CaseIterable, Sendable {
    // Making the first TAP of a network.
    case begun, networkWritten, bridgeMade, bridgeMarked, bridgeUp, forwardingEnabled
    case leaseWritten, tapMade, tapAttached, rulesMissing, rulesMade, created
    // Removing the last.
    case guestRemoved, namesRemoved, tapDeleted, leaseDeleted, rulesRemoved, bridgeDeleted, forwardingRestored,
        networkDeleted
}
