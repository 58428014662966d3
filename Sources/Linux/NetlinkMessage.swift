/// A message of netlink(7): a header, a fixed structure, and attributes, each aligned to 4 bytes. The numbers are those of
/// linux/netlink.h and linux/rtnetlink.h, in the machine's byte order.
public struct NetlinkMessage: Hashable, Sendable {
    /// Types of messages.
    public enum Kind {
        public static let error: UInt16 = 2
        public static let done: UInt16 = 3
        public static let newLink: UInt16 = 16
        public static let deleteLink: UInt16 = 17
        public static let getLink: UInt16 = 18
        public static let setLink: UInt16 = 19
        public static let newAddress: UInt16 = 20
        public static let deleteAddress: UInt16 = 21
        public static let getAddress: UInt16 = 22
        public static let newRoute: UInt16 = 24
        public static let getRoute: UInt16 = 26
    }

    /// Flags of requests.
    public enum Flag {
        public static let request: UInt16 = 1
        public static let acknowledge: UInt16 = 4
        public static let dump: UInt16 = 0x300
        public static let replace: UInt16 = 0x100
        public static let exclusive: UInt16 = 0x200
        public static let create: UInt16 = 0x400
    }

    static let headerSize = 16

    public var kind: UInt16
    public var flags: UInt16
    public var sequence: UInt32
    /// What follows the header.
    public var payload: [UInt8]

    public init(kind: UInt16, flags: UInt16, sequence: UInt32 = 0, payload: [UInt8] = []) {
        self.kind = kind
        self.flags = flags
        self.sequence = sequence
        self.payload = payload
    }

    /// Adds a number of the fixed structure.
    public mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
        Swift.withUnsafeBytes(of: value) { payload.append(contentsOf: $0) }
    }

    /// Adds an attribute; its value is at most 65,531 bytes.
    public mutating func appendAttribute(_ type: UInt16, _ value: [UInt8]) {
        append(UInt16(truncatingIfNeeded: value.count + 4))
        append(type)
        payload += value
        while payload.count % 4 != 0 { payload.append(0) }
    }

    /// Adds an attribute that is a number in the machine's byte order.
    public mutating func appendAttribute(_ type: UInt16, _ value: UInt32) {
        appendAttribute(type, Swift.withUnsafeBytes(of: value) { Array($0) })
    }

    /// Adds an attribute that is a text with a closing NUL.
    public mutating func appendAttribute(_ type: UInt16, _ text: String) {
        appendAttribute(type, Array(text.utf8) + [0])
    }

    /// Adds an attribute that holds the attributes which `body` adds.
    public mutating func appendNested(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
        let start = payload.count
        append(UInt16(0))
        append(type)
        body(&self)
        let length = UInt16(truncatingIfNeeded: payload.count - start)
        Swift.withUnsafeBytes(of: length) { payload.replaceSubrange(start..<(start + 2), with: $0) }
    }

    /// The bytes to send.
    public var bytes: [UInt8] {
        var message = NetlinkMessage(kind: 0, flags: 0)
        message.append(UInt32(truncatingIfNeeded: Self.headerSize + payload.count))
        message.append(kind)
        message.append(flags)
        message.append(sequence)
        message.append(UInt32(0))
        return message.payload + payload
    }

    /// The messages of one datagram, as far as they are whole.
    public static func messages(in datagram: [UInt8]) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var offset = 0
        while let length: UInt32 = integer(datagram, at: offset), length >= headerSize,
            Int(length) <= datagram.count - offset, let kind: UInt16 = integer(datagram, at: offset + 4),
            let flags: UInt16 = integer(datagram, at: offset + 6),
            let sequence: UInt32 = integer(datagram, at: offset + 8)
        {
            let payload = Array(datagram[(offset + headerSize)..<(offset + Int(length))])
            messages.append(NetlinkMessage(kind: kind, flags: flags, sequence: sequence, payload: payload))
            offset += (Int(length) + 3) & ~3
        }
        return messages
    }

    /// The attributes that follow a structure of so many bytes, as far as they are whole.
    public func trailingAttributes(after size: Int) -> [(type: UInt16, value: [UInt8])] {
        Self.attributes(in: payload, from: size)
    }

    /// The attributes of a value that holds some, as far as they are whole.
    public static func attributes(in bytes: [UInt8], from start: Int = 0) -> [(type: UInt16, value: [UInt8])] {
        var attributes: [(type: UInt16, value: [UInt8])] = []
        var offset = start
        while let length: UInt16 = integer(bytes, at: offset), length >= 4, Int(length) <= bytes.count - offset,
            let type: UInt16 = integer(bytes, at: offset + 2)
        {
            attributes.append((type & 0x3fff, Array(bytes[(offset + 4)..<(offset + Int(length))])))
            offset += (Int(length) + 3) & ~3
        }
        return attributes
    }

    /// The number at an offset, or nil where the bytes end.
    public static func integer<Integer: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) -> Integer? {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Integer>.size else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Integer.self) }
    }
}
