/// A network interface as the kernel reports it.
public struct NetworkLink: Hashable, Sendable {
    public var index: Int32
    public var name: String
    /// A remark that somebody has left on it.
    public var alias: String?
    /// `bridge`, `tun`, `veth`, …; nil for a physical one.
    public var kind: String?
    /// The index of the bridge that it is a port of.
    public var master: Int32?
    /// 0 unless somebody has put it in a group.
    public var group: UInt32
    public var isUp: Bool

    /// Reads an RTM_NEWLINK message.
    public init?(_ message: NetlinkMessage) {
        guard message.kind == NetlinkMessage.Kind.newLink,
            let index: Int32 = NetlinkMessage.integer(message.payload, at: 4),
            let flags: UInt32 = NetlinkMessage.integer(message.payload, at: 8)
        else { return nil }
        self.index = index
        isUp = flags & 1 != 0
        name = ""
        group = 0
        for (type, value) in message.trailingAttributes(after: 16) {
            switch type {
            case Attribute.name: name = Self.text(value)
            case Attribute.alias: alias = Self.text(value)
            case Attribute.master: master = NetlinkMessage.integer(value, at: 0)
            case Attribute.group: group = NetlinkMessage.integer(value, at: 0) ?? 0
            case Attribute.information:
                kind = NetlinkMessage.attributes(in: value).first { $0.type == 1 }.map { Self.text($0.value) }
            default: break
            }
        }
    }

    private static func text(_ value: [UInt8]) -> String {
        String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// IFLA_… of linux/if_link.h.
    enum Attribute {
        static let address: UInt16 = 1
        static let name: UInt16 = 3
        static let mtu: UInt16 = 4
        static let master: UInt16 = 10
        static let portInformation: UInt16 = 12
        static let information: UInt16 = 18
        static let alias: UInt16 = 20
        static let perFamily: UInt16 = 26
        static let group: UInt16 = 27
        static let extent: UInt16 = 29
        /// Of a value that holds attributes.
        static let nested: UInt16 = 0x8000
    }
}

extension NetlinkSocket {
    /// The interface of that name, if there is one.
    public mutating func link(named name: String) throws(Errno) -> NetworkLink? {
        var message = Self.linkMessage(NetlinkMessage.Kind.getLink)
        message.appendAttribute(NetworkLink.Attribute.name, name)
        message.appendAttribute(NetworkLink.Attribute.extent, Self.withoutStatistics)
        do throws(Errno) {
            return try request(message).lazy.compactMap { NetworkLink($0) }.first
        } catch .noSuchDevice {
            return nil
        }
    }

    /// All interfaces.
    public mutating func links() throws(Errno) -> [NetworkLink] {
        var message = Self.linkMessage(NetlinkMessage.Kind.getLink)
        message.appendAttribute(NetworkLink.Attribute.extent, Self.withoutStatistics)
        return try dump(message).compactMap { NetworkLink($0) }
    }

    /// Makes a bridge that forwards from the first moment on, without the spanning tree protocol and without multicast snooping.
    ///
    /// - Throws: `fileExists` if an interface has the name.
    public mutating func addBridge(_ name: String, macAddress: [UInt8]) throws(Errno) {
        var message = Self.linkMessage(
            NetlinkMessage.Kind.newLink, flags: NetlinkMessage.Flag.create | NetlinkMessage.Flag.exclusive)
        message.appendAttribute(NetworkLink.Attribute.name, name)
        message.appendAttribute(NetworkLink.Attribute.address, macAddress)
        message.appendNested(NetworkLink.Attribute.information | NetworkLink.Attribute.nested) { message in
            message.appendAttribute(1, "bridge")
            message.appendNested(2 | NetworkLink.Attribute.nested) { message in
                message.appendAttribute(1, UInt32(0))
                message.appendAttribute(5, UInt32(0))
                message.appendAttribute(23, [0])
            }
        }
        try request(message)
    }

    /// What is to become of an interface; nil leaves it as it is.
    public struct LinkChange: Sendable {
        public var isUp: Bool?
        public var alias: String?
        public var group: UInt32?
        /// The bridge that it becomes a port of.
        public var master: Int32?
        /// Bytes.
        public var mtu: UInt32?
        /// The host gives itself no IPv6 address on it.
        public var withoutIPv6Addresses = false

        public init(isUp: Bool? = nil) {
            self.isUp = isUp
        }
    }

    /// Changes an interface in one request, which the kernel does in part if a part of it fails.
    public mutating func change(_ index: Int32, _ change: LinkChange) throws(Errno) {
        var message = Self.linkMessage(NetlinkMessage.Kind.newLink, index: index, isUp: change.isUp)
        if let mtu = change.mtu { message.appendAttribute(NetworkLink.Attribute.mtu, mtu) }
        if let group = change.group { message.appendAttribute(NetworkLink.Attribute.group, group) }
        if let alias = change.alias { message.appendAttribute(NetworkLink.Attribute.alias, Array(alias.utf8)) }
        if let master = change.master {
            message.appendAttribute(NetworkLink.Attribute.master, UInt32(bitPattern: master))
        }
        if change.withoutIPv6Addresses {
            message.appendNested(NetworkLink.Attribute.perFamily | NetworkLink.Attribute.nested) { message in
                // AF_INET6: IFLA_INET6_ADDR_GEN_MODE, none.
                message.appendNested(10 | NetworkLink.Attribute.nested) { $0.appendAttribute(8, [1]) }
            }
        }
        try request(message)
    }

    /// Keeps a port of a bridge from exchanging frames with other ports that are isolated too.
    public mutating func setIsolated(_ isolated: Bool, port index: Int32) throws(Errno) {
        // AF_BRIDGE.
        var message = Self.linkMessage(NetlinkMessage.Kind.setLink, index: index, family: 7)
        message.appendNested(NetworkLink.Attribute.portInformation | NetworkLink.Attribute.nested) { message in
            message.appendAttribute(33, [isolated ? 1 : 0])
        }
        try request(message)
    }

    /// Removes an interface.
    ///
    /// - Throws: `noSuchDevice` if there is none, `notSupported` if it is a physical one.
    public mutating func deleteLink(_ index: Int32) throws(Errno) {
        try request(Self.linkMessage(NetlinkMessage.Kind.deleteLink, index: index))
    }

    private static let withoutStatistics: UInt32 = 8

    /// A message that begins with struct ifinfomsg.
    static func linkMessage(
        _ kind: UInt16, flags: UInt16 = 0, index: Int32 = 0, isUp: Bool? = nil, family: UInt8 = 0
    ) -> NetlinkMessage {
        var message = NetlinkMessage(kind: kind, flags: flags)
        message.append(UInt32(family))
        message.append(index)
        message.append(UInt32(isUp == true ? 1 : 0))
        message.append(UInt32(isUp == nil ? 0 : 1))
        return message
    }
}
