/// An address, its first byte the highest.
typealias IPv4 = UInt32

extension IPv4 {
    /// From four decimal numbers with dots between them; nil if the text is not that.
    init?(text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let bytes = parts.compactMap { UInt8(String(decoding: $0, as: UTF8.self)) }
        guard parts.count == 4, bytes.count == 4 else { return nil }
        self = bytes.reduce(0) { $0 << 8 | IPv4($1) }
    }
}

/// A packet of IPv4 (RFC 791) that is no fragment.
struct IPv4Packet {
    static let headerSize = 20
    static let tcp: UInt8 = 6

    var source: IPv4
    var destination: IPv4
    var proto: UInt8
    var payload: ArraySlice<UInt8>

    /// Nil if the packet is broken or one part of several. Its checksum is not looked at: a device that computes
    /// checksums for its driver lets them through unset.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.headerSize, let first = bytes.first, first >> 4 == 4 else { return nil }
        let header = Int(first & 15) * 4
        let length = Int(bytes.integer(2, as: UInt16.self))
        // More may follow: the padding of a short frame.
        guard header >= Self.headerSize, length >= header, length <= bytes.count else { return nil }
        let fragment = bytes.integer(6, as: UInt16.self)
        guard fragment & 0x3fff == 0 else { return nil }
        proto = bytes[bytes.startIndex + 9]
        source = bytes.integer(12, as: UInt32.self)
        destination = bytes.integer(16, as: UInt32.self)
        payload = bytes[(bytes.startIndex + header)..<(bytes.startIndex + length)]
    }

    init(from source: IPv4, to destination: IPv4, _ proto: UInt8, _ payload: [UInt8]) {
        self.source = source
        self.destination = destination
        self.proto = proto
        self.payload = payload[...]
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = [0x45, 0]
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: Self.headerSize + payload.count))
        // No identification is needed for what must not be taken apart.
        bytes += [0, 0, 0x40, 0, 64, proto, 0, 0]
        bytes.append(bigEndian: source)
        bytes.append(bigEndian: destination)
        var checksum = InternetChecksum()
        checksum.add(bytes)
        bytes.put(checksum.value, at: 10)
        return bytes + payload
    }
}
