/// An IPv4 or IPv6 address: 4 or 16 bytes in network order.
public struct IPAddress: Hashable, Sendable {
    public let bytes: [UInt8]

    public init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    public var isIPv4: Bool { bytes.count == 4 }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads `192.0.2.1` or `2001:db8::1`.
    public init?(_ text: String) {
        guard let bytes = text.utf8.contains(UInt8(ascii: ":")) ? Self.parseIPv6(text[...]) : Self.parseIPv4(text[...])
        else {
            return nil
        }
        self.bytes = bytes
    }

    private static func parseIPv4(_ text: Substring) -> [UInt8]? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) }),
                part.count == 1 || part.first != 0x30, let byte = UInt8(Substring(part))
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func parseIPv6(_ text: Substring) -> [UInt8]? {
        guard let gap = gap(in: text) else {
            guard let all = groups(text, last: true), all.count == 16 else { return nil }
            return all
        }
        let after = text.utf8.index(gap, offsetBy: 2)
        guard let head = groups(text[..<gap], last: false), let tail = groups(text[after...], last: true),
            head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// Where the first `::` begins.
    private static func gap(in text: Substring) -> Substring.Index? {
        let bytes = text.utf8
        return zip(bytes.indices, zip(bytes, bytes.dropFirst()))
            .first { $1.0 == UInt8(ascii: ":") && $1.1 == UInt8(ascii: ":") }?.0
    }

    private static func groups(_ text: Substring, last: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if last, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let dotted = parseIPv4(Substring(part)) else { return nil }
                bytes += dotted
            } else {
                guard (1...4).contains(part.count), part.first != UInt8(ascii: "+"), part.first != UInt8(ascii: "-"),
                    let group = UInt16(Substring(part), radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(group & 0xff)]
            }
        }
        return bytes.count <= 16 ? bytes : nil
    }

    /// Dotted decimal, or hexadecimal groups with the longest run of zeros left out.
    public var description: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var best = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        let text = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
        return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }
}

extension IPAddress {
    func write(to writer: inout WireWriter) {
        writer.write(bytes)
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        guard let address = IPAddress(bytes: try reader.byteString()) else { throw .invalidValue }
        self = address
    }
}
