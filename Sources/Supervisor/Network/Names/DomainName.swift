/// A domain name as messages have it, in lower case: names that differ in case alone are one.
struct DomainName: Hashable {
    /// Of all labels with their lengths, without the empty one of the root.
    static let maximumLength = 254
    private static let maximumLabel = 63

    /// The labels, each after its length.
    let wire: [UInt8]

    private init(wire: [UInt8]) {
        self.wire = wire
    }

    /// Reads `example.com` or `example.com.`; nil for what no name of a host or a service looks like.
    init?(_ text: String) {
        var wire: [UInt8] = []
        var labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        for label in labels {
            guard (1...Self.maximumLabel).contains(label.count), label.allSatisfy(Self.isUsual) else { return nil }
            wire.append(UInt8(label.count))
            wire += label.map(Self.lowercased)
        }
        guard wire.count <= Self.maximumLength else { return nil }
        self.init(wire: wire)
    }

    /// Reads a name in a message, which may go on at an earlier place of it (RFC 1035, 4.1.4).
    ///
    /// Each such pointer must lead before the stretch that it ends, so no message can send the reader in circles.
    ///
    /// - Parameter offset: Where the name begins; then, where it has ended.
    init?(in message: [UInt8], at offset: inout Int) {
        var wire: [UInt8] = []
        var position = offset
        var stretch = offset
        var end: Int?
        while position < message.count {
            let length = Int(message[position])
            switch length & 0xc0 {
            case 0 where length == 0:
                offset = end ?? position + 1
                self.init(wire: wire)
                return
            case 0:
                let next = position + 1 + length
                guard next <= message.count, wire.count + 1 + length <= Self.maximumLength else { return nil }
                wire.append(UInt8(length))
                for byte in message[(position + 1)..<next] { wire.append(Self.lowercased(byte)) }
                position = next
            case 0xc0:
                guard position + 1 < message.count else { return nil }
                let target = (length & 0x3f) << 8 | Int(message[position + 1])
                guard target < stretch, target >= DNSHeader.size else { return nil }
                if end == nil { end = position + 2 }
                position = target
                stretch = target
            default: return nil
            }
        }
        return nil
    }

    /// Passes over a name without reading what it points to. False if it is cut.
    static func skip(in message: [UInt8], at offset: inout Int) -> Bool {
        while offset < message.count {
            let length = Int(message[offset])
            switch length & 0xc0 {
            case 0:
                offset += 1 + length
                if length == 0 { return true }
            case 0xc0:
                offset += 2
                return offset <= message.count
            default: return false
            }
        }
        return false
    }

    /// From the left.
    var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var position = 0
        while position < wire.count {
            let next = position + 1 + Int(wire[position])
            labels.append(wire[(position + 1)..<next])
            position = next
        }
        return labels
    }

    /// Whether it is a name below another: `www.example.com` is below `example.com`, `example.com` itself is not.
    func isBelow(_ other: DomainName) -> Bool {
        var position = 0
        while position < wire.count {
            position += 1 + Int(wire[position])
            let rest = wire.count - position
            if rest <= other.wire.count {
                return rest == other.wire.count && wire[position...].elementsEqual(other.wire)
            }
        }
        return false
    }

    private static func isUsual(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
    }
}
