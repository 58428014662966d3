internal import Linux

/// A network interface as the kernel reports it.
struct Link: Equatable {
    var index: Int32
    var name: String
    var macAddress: [UInt8]

    /// Reads an RTM_NEWLINK message.
    init?(_ message: NetlinkMessage) {
        guard message.kind == NetlinkMessage.Kind.newLink,
            let index: Int32 = NetlinkMessage.integer(message.payload, at: 4)
        else { return nil }
        self.index = index
        name = ""
        macAddress = []
        for (type, value) in message.trailingAttributes(after: 16) {
            if type == 3 { name = String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) }
            if type == 1 { macAddress = value }
        }
    }

    /// The six bytes of `06:00:ac:10:00:02`, or nil.
    static func parseMAC(_ text: String) -> [UInt8]? {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.count == 2, part.first != UInt8(ascii: "+"), part.first != UInt8(ascii: "-"),
                let byte = UInt8(Substring(part), radix: 16)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}

/// An address of an interface.
struct LinkAddress: Equatable {
    var linkIndex: UInt32
    /// 4 or 16 bytes.
    var bytes: [UInt8]
    var prefixLength: UInt8

    init(linkIndex: UInt32, bytes: [UInt8], prefixLength: UInt8) {
        self.linkIndex = linkIndex
        self.bytes = bytes
        self.prefixLength = prefixLength
    }

    /// Reads an RTM_NEWADDR message.
    init?(_ message: NetlinkMessage) {
        guard message.kind == NetlinkMessage.Kind.newAddress, message.payload.count >= 8,
            let linkIndex: UInt32 = NetlinkMessage.integer(message.payload, at: 4)
        else { return nil }
        self.linkIndex = linkIndex
        prefixLength = message.payload[1]
        bytes = []
        // IFA_LOCAL is the interface's own; IFA_ADDRESS is the peer's on a point-to-point one, else the same.
        for (type, value) in message.trailingAttributes(after: 8) where type == 2 || type == 1 && bytes.isEmpty {
            bytes = value
        }
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
    }
}
