/// An IPv4 route of the host, of any of its tables.
public struct NetworkRoute: Hashable, Sendable {
    /// In the host's byte order.
    public var destination: UInt32
    public var prefixLength: Int
    /// The index of the interface that it leads out of, if it leads out of one.
    public var link: Int32?

    /// Reads an RTM_NEWROUTE message.
    public init?(_ message: NetlinkMessage) {
        // struct rtmsg; a cached route (flag 0x200) is no configuration.
        guard message.kind == NetlinkMessage.Kind.newRoute, message.payload.count >= 12, message.payload[0] == 2,
            let flags: UInt32 = NetlinkMessage.integer(message.payload, at: 8), flags & 0x200 == 0
        else { return nil }
        prefixLength = Int(message.payload[1])
        destination = 0
        for (type, value) in message.trailingAttributes(after: 12) {
            if type == 1, let number: UInt32 = NetlinkMessage.integer(value, at: 0) {
                destination = UInt32(bigEndian: number)
            }
            if type == 4 { link = NetlinkMessage.integer(value, at: 0) }
        }
    }
}

extension NetlinkSocket {
    /// All IPv4 routes, those to the host's own addresses included.
    public mutating func routes() throws(Errno) -> [NetworkRoute] {
        var message = NetlinkMessage(kind: NetlinkMessage.Kind.getRoute, flags: 0)
        message.payload = [2] + [UInt8](repeating: 0, count: 11)
        return try dump(message).compactMap { NetworkRoute($0) }
    }

    /// Whether packets to an IPv4 address would be for this machine itself, or for everybody on a wire of it, by the kernel's routes.
    ///
    /// - Parameter address: In the host's byte order.
    public mutating func isOwnAddress(_ address: UInt32) throws(Errno) -> Bool {
        var message = NetlinkMessage(kind: NetlinkMessage.Kind.getRoute, flags: 0)
        message.payload = [2, 32] + [UInt8](repeating: 0, count: 10)
        message.appendAttribute(1, address.bigEndian)
        do throws(Errno) {
            let route = try request(message).first { $0.kind == NetlinkMessage.Kind.newRoute }
            // Of struct rtmsg, rtm_type: RTN_LOCAL, RTN_BROADCAST.
            guard let route, route.payload.count >= 8 else { return false }
            return [2, 3].contains(route.payload[7])
        } catch .networkUnreachable {
            return false
        }
    }

    /// Gives an interface an IPv4 address; one that it has already is no error.
    ///
    /// - Parameter address: In the host's byte order.
    public mutating func addAddress(_ address: UInt32, prefixLength: Int, to index: Int32) throws(Errno) {
        var message = NetlinkMessage(
            kind: NetlinkMessage.Kind.newAddress, flags: NetlinkMessage.Flag.create | NetlinkMessage.Flag.replace)
        message.payload = [2, UInt8(truncatingIfNeeded: prefixLength), 0, 0]
        message.append(index)
        message.appendAttribute(2, address.bigEndian)
        message.appendAttribute(1, address.bigEndian)
        let broadcast = prefixLength >= 32 ? address : address | (~0 >> UInt32(prefixLength))
        message.appendAttribute(4, broadcast.bigEndian)
        try request(message)
    }
}
