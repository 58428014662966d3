/// A segment of TCP (RFC 9293), as far as this server uses it.
struct TCPSegment {
    struct Flags: OptionSet {
        var rawValue: UInt8

        static let fin = Flags(rawValue: 1)
        static let syn = Flags(rawValue: 2)
        static let reset = Flags(rawValue: 4)
        static let push = Flags(rawValue: 8)
        static let acknowledgment = Flags(rawValue: 16)
    }

    static let headerSize = 20

    var sourcePort: UInt16
    var destinationPort: UInt16
    var sequence: UInt32
    var acknowledged: UInt32 = 0
    var flags: Flags
    var window: UInt16 = 0
    /// The option of that name: the most bytes that a segment to its sender may carry.
    var maximumSize: UInt16?
    var payload: ArraySlice<UInt8> = []

    /// How far it moves the sequence on.
    var length: UInt32 {
        UInt32(payload.count) + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
    }

    init(
        from sourcePort: UInt16, to destinationPort: UInt16, sequence: UInt32, acknowledged: UInt32 = 0, flags: Flags,
        window: UInt16 = 0, maximumSize: UInt16? = nil, payload: ArraySlice<UInt8> = []
    ) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.sequence = sequence
        self.acknowledged = acknowledged
        self.flags = flags
        self.window = window
        self.maximumSize = maximumSize
        self.payload = payload
    }

    /// Nil if the segment is broken. Its checksum is not looked at, as with ``IPv4Packet``.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.headerSize else { return nil }
        let start = bytes.startIndex
        let header = Int(bytes[start + 12] >> 4) * 4
        guard header >= Self.headerSize, header <= bytes.count else { return nil }
        sourcePort = bytes.integer(0, as: UInt16.self)
        destinationPort = bytes.integer(2, as: UInt16.self)
        sequence = bytes.integer(4, as: UInt32.self)
        acknowledged = bytes.integer(8, as: UInt32.self)
        flags = Flags(rawValue: bytes[start + 13] & 0x1f)
        window = bytes.integer(14, as: UInt16.self)
        maximumSize = Self.maximumSize(in: bytes[(start + Self.headerSize)..<(start + header)])
        payload = bytes[(start + header)...]
    }

    /// Finds the option among all.
    private static func maximumSize(in options: ArraySlice<UInt8>) -> UInt16? {
        var rest = options
        while let kind = rest.first, kind != 0 {
            if kind == 1 {
                rest = rest.dropFirst()
                continue
            }
            guard rest.count >= 2 else { return nil }
            let length = Int(rest[rest.startIndex + 1])
            guard length >= 2, length <= rest.count else { return nil }
            if kind == 2 { return length == 4 ? rest.integer(2, as: UInt16.self) : nil }
            rest = rest.dropFirst(length)
        }
        return nil
    }

    /// The bytes, with the checksum that belongs to a packet between these addresses.
    func bytes(from source: IPv4, to destination: IPv4) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: sourcePort)
        bytes.append(bigEndian: destinationPort)
        bytes.append(bigEndian: sequence)
        bytes.append(bigEndian: acknowledged)
        bytes += [maximumSize == nil ? 0x50 : 0x60, flags.rawValue]
        bytes.append(bigEndian: window)
        bytes += [0, 0, 0, 0]
        if let maximumSize {
            bytes += [2, 4]
            bytes.append(bigEndian: maximumSize)
        }
        bytes += payload
        var pseudoHeader: [UInt8] = []
        pseudoHeader.append(bigEndian: source)
        pseudoHeader.append(bigEndian: destination)
        pseudoHeader += [0, IPv4Packet.tcp]
        pseudoHeader.append(bigEndian: UInt16(truncatingIfNeeded: bytes.count))
        var checksum = InternetChecksum()
        checksum.add(pseudoHeader)
        checksum.add(bytes)
        bytes.put(checksum.value, at: 16)
        return bytes
    }
}
