/// A message of rtnetlink(7): a header, a fixed structure, and attributes, each aligned to 4 bytes. The numbers are those of
/// linux/netlink.h and linux/rtnetlink.h, in the machine's byte order.
struct NetlinkMessage: Equatable {
    enum Kind {
        static let error: UInt16 = 2
        static let done: UInt16 = 3
        static let newLink: UInt16 = 16
        static let getLink: UInt16 = 18
        static let newAddress: UInt16 = 20
        static let deleteAddress: UInt16 = 21
        static let getAddress: UInt16 = 22
        static let newRoute: UInt16 = 24
    }

    enum Flag {
        static let request: UInt16 = 1
        static let acknowledge: UInt16 = 4
        static let dump: UInt16 = 0x300
        static let replace: UInt16 = 0x100
        static let create: UInt16 = 0x400
    }

    static let headerSize = 16

    var kind: UInt16
    var flags: UInt16
    var sequence: UInt32 = 0
    /// What follows the header.
    var payload: [UInt8] = []

    mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
        Swift.withUnsafeBytes(of: value) { payload.append(contentsOf: $0) }
    }

    mutating func appendAttribute(_ type: UInt16, _ value: [UInt8]) {
        append(UInt16(truncatingIfNeeded: value.count + 4))
        append(type)
        payload += value
        while payload.count % 4 != 0 { payload.append(0) }
    }

    mutating func appendAttribute(_ type: UInt16, _ value: UInt32) {
        appendAttribute(type, Swift.withUnsafeBytes(of: value) { Array($0) })
    }

    /// The bytes to send.
    var bytes: [UInt8] {
        var message = NetlinkMessage(kind: 0, flags: 0)
        message.append(UInt32(truncatingIfNeeded: Self.headerSize + payload.count))
        message.append(kind)
        message.append(flags)
        message.append(sequence)
        message.append(UInt32(0))
        return message.payload + payload
    }

    /// The messages of one datagram, as far as they are whole.
    static func messages(in datagram: [UInt8]) -> [NetlinkMessage] {
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
    func trailingAttributes(after size: Int) -> [(type: UInt16, value: [UInt8])] {
        var attributes: [(type: UInt16, value: [UInt8])] = []
        var offset = size
        while let length: UInt16 = Self.integer(payload, at: offset), length >= 4,
            Int(length) <= payload.count - offset,
            let type: UInt16 = Self.integer(payload, at: offset + 2)
        {
            attributes.append((type & 0x3fff, Array(payload[(offset + 4)..<(offset + Int(length))])))
            offset += (Int(length) + 3) & ~3
        }
        return attributes
    }

    /// The number at an offset, or nil where the bytes end.
    static func integer<Integer: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) -> Integer? {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Integer>.size else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Integer.self) }
    }
}
