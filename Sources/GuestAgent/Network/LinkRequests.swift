internal import Linux

/// The requests that configure an interface.
enum LinkRequests {
    private static func family(_ bytes: [UInt8]) -> UInt8 { bytes.count == 4 ? 2 : 10 }

    /// Asks for all interfaces, or all addresses.
    static func dump(_ kind: UInt16) -> NetlinkMessage {
        var message = NetlinkMessage(kind: kind, flags: NetlinkMessage.Flag.request | NetlinkMessage.Flag.dump)
        // One structure serves both: struct rtgenmsg, padded.
        message.append(UInt32(0))
        return message
    }

    /// Changes an interface: `isUp`, and what is not nil.
    static func change(_ index: Int32, isUp: Bool, mtu: UInt32? = nil, macAddress: [UInt8]? = nil) -> NetlinkMessage {
        var message = request(NetlinkMessage.Kind.newLink)
        message.append(UInt32(0))
        message.append(index)
        message.append(UInt32(isUp ? 1 : 0))
        message.append(UInt32(1))
        if let macAddress { message.appendAttribute(1, macAddress) }
        if let mtu { message.appendAttribute(4, mtu) }
        return message
    }

    static func add(_ address: LinkAddress) -> NetlinkMessage {
        var message = self.address(NetlinkMessage.Kind.newAddress, address)
        message.flags |= NetlinkMessage.Flag.create | NetlinkMessage.Flag.replace
        if address.bytes.count == 4, address.prefixLength < 31 {
            message.appendAttribute(4, broadcast(address))
        }
        return message
    }

    static func remove(_ address: LinkAddress) -> NetlinkMessage {
        self.address(NetlinkMessage.Kind.deleteAddress, address)
    }

    /// The default route, by a gateway that counts as reachable on the interface whatever its addresses are.
    static func defaultRoute(by gateway: [UInt8], linkIndex: UInt32) -> NetlinkMessage {
        var message = request(NetlinkMessage.Kind.newRoute)
        message.flags |= NetlinkMessage.Flag.create | NetlinkMessage.Flag.replace
        // struct rtmsg: family, no destination, no source, no TOS; main table, set at boot, universe, unicast; onlink.
        message.payload += [family(gateway), 0, 0, 0, 254, 3, 0, 1]
        message.append(UInt32(4))
        message.appendAttribute(5, gateway)
        message.appendAttribute(4, linkIndex)
        return message
    }

    private static func request(_ kind: UInt16) -> NetlinkMessage {
        NetlinkMessage(kind: kind, flags: NetlinkMessage.Flag.request | NetlinkMessage.Flag.acknowledge)
    }

    private static func address(_ kind: UInt16, _ address: LinkAddress) -> NetlinkMessage {
        var message = request(kind)
        // No duplicate address detection (2): the host gives addresses out, and a second's wait would be the slowest step of all.
        message.payload += [family(address.bytes), address.prefixLength, address.bytes.count == 16 ? 2 : 0, 0]
        message.append(address.linkIndex)
        message.appendAttribute(2, address.bytes)
        message.appendAttribute(1, address.bytes)
        return message
    }

    private static func broadcast(_ address: LinkAddress) -> [UInt8] {
        var bits = Int(address.prefixLength)
        return address.bytes.map { byte in
            defer { bits -= 8 }
            return bits >= 8 ? byte : bits <= 0 ? 255 : byte | (255 >> UInt8(bits))
        }
    }
}
