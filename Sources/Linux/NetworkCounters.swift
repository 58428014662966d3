/// What a network interface has carried since it was made, in bytes.
public struct NetworkCounters: Hashable, Sendable {
    public var received: UInt64
    public var sent: UInt64

    /// IFLA_STATS64 of linux/if_link.h: received and sent packets come first, then received and sent bytes.
    private static let attribute: UInt16 = 23

    /// Reads an RTM_NEWLINK message.
    init?(_ message: NetlinkMessage) {
        guard message.kind == NetlinkMessage.Kind.newLink,
            let value = message.trailingAttributes(after: 16).first(where: { $0.type == Self.attribute })?.value,
            let received: UInt64 = NetlinkMessage.integer(value, at: 16),
            let sent: UInt64 = NetlinkMessage.integer(value, at: 24)
        else { return nil }
        self.received = received
        self.sent = sent
    }
}

extension NetlinkSocket {
    /// - Returns: nil if there is no interface of that name in this network namespace, which is not always the one that /sys shows.
    public mutating func counters(of name: String) throws(Errno) -> NetworkCounters? {
        var message = Self.linkMessage(NetlinkMessage.Kind.getLink)
        message.appendAttribute(NetworkLink.Attribute.name, name)
        do throws(Errno) {
            return try request(message).lazy.compactMap { NetworkCounters($0) }.first
        } catch .noSuchDevice {
            return nil
        }
    }
}
