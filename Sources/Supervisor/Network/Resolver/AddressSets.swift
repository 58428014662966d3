internal import Linux
internal import SupervisorProtocol

/// The firewall's sets of addresses that allowed names have resolved to, and which addresses are the host's own.
///
/// Both conversations with the kernel stay open: it answers at once, within tens of microseconds.
final class AddressSets {
    /// How long an address is let through at least, in seconds, and for how much longer than its name holds: a guest's program asks for
    /// a name once and connects a moment later.
    private static let leastLifetime: UInt64 = 60
    private static let grace: UInt64 = 60
    private static let longestLifetime: UInt64 = 7 * 86_400

    private var firewall: NetlinkSocket?
    private var routes: NetlinkSocket?

    /// Lets a guest reach addresses, from now on for so long.
    func allow(
        _ addresses: [(address: UInt32, lifetime: UInt32)], by rules: [NetworkPlan.DomainRule]
    ) throws(Errno) {
        var lifetimes: [UInt32: UInt64] = [:]
        for (address, lifetime) in addresses { lifetimes[address] = max(lifetimes[address] ?? 0, UInt64(lifetime)) }
        if lifetimes.isEmpty { return }
        for rule in rules { try commit(lifetimes, by: rule) }
    }

    private func commit(_ lifetimes: [UInt32: UInt64], by rule: NetworkPlan.DomainRule) throws(Errno) {
        var batch = NetfilterBatch()
        for (address, lifetime) in lifetimes {
            let seconds = min(max(lifetime, Self.leastLifetime) + Self.grace, Self.longestLifetime)
            batch.renewElement(
                withUnsafeBytes(of: address.bigEndian) { Array($0) }, in: rule.set, table: rule.table, family: .ip,
                milliseconds: seconds * 1000)
        }
        if firewall == nil { firewall = try NetlinkSocket(.netfilter) }
        do throws(Errno) {
            try firewall?.commit(batch)
        } catch .noSuchFile {
            // An element whose time ran out in between; or there is no such set.
            try firewall?.commit(batch)
        } catch {
            // What the kernel still has to say about this batch is nobody's.
            firewall = nil
            throw error
        }
    }

    /// Whether an address must not stand in an answer of the world.
    func isForbidden(_ address: UInt32) -> Bool {
        if ForbiddenAddress.isIPv4(address) { return true }
        if routes == nil { routes = try? NetlinkSocket(.route) }
        // What the kernel cannot tell is not let through: it has no way there either.
        return (try? routes?.isOwnAddress(address)) ?? true
    }
}
