@testable import Supervisor

/// Messages as guests and servers make them.
enum DNSMessages {
    /// A query with the number 0x1234.
    static func query(_ name: String, type: UInt16 = DNSType.a, payload: UInt16? = nil) -> [UInt8] {
        var header = DNSHeader(id: 0x1234, flags: DNSHeader.Flag.recursionDesired)
        header.questions = 1
        header.additional = payload == nil ? 0 : 1
        var bytes = header.bytes + wire(name)
        bytes += [UInt8(type >> 8), UInt8(type & 0xff), 0, 1]
        if let payload { bytes += [0, 0, 41, UInt8(payload >> 8), UInt8(payload & 0xff), 0, 0, 0, 0, 0, 0] }
        return bytes
    }

    /// A name without any check.
    static func wire(_ name: String) -> [UInt8] {
        name.utf8.split(separator: UInt8(ascii: ".")).flatMap { [UInt8($0.count)] + Array($0) } + [0]
    }

    static func address(_ text: String) -> UInt32 {
        text.split(separator: ".").reduce(0) { $0 << 8 | (UInt32($1) ?? 0) }
    }

    static func record(_ address: String, owner: String? = nil, lifetime: UInt32 = 30) -> DNSAnswerRecord {
        let number = Self.address(address)
        return DNSAnswerRecord(
            owner: owner.flatMap { DomainName($0) }, type: DNSType.a, lifetime: lifetime,
            data: withUnsafeBytes(of: number.bigEndian) { Array($0) })
    }

    static func alias(_ target: String, owner: String? = nil) -> DNSAnswerRecord {
        DNSAnswerRecord(
            owner: owner.flatMap { DomainName($0) }, type: DNSType.cname, lifetime: 30, data: wire(target))
    }

    /// The addresses in an answer, whoever owns them, in their order.
    static func addresses(in message: [UInt8]) -> [String] {
        records(in: message).compactMap { record in
            record.address(in: message).map { address in
                [24, 16, 8, 0].map { "\(address >> $0 & 0xff)" }.joined(separator: ".")
            }
        }
    }

    static func records(in message: [UInt8]) -> [DNSRecord] {
        guard let header = DNSHeader(message) else { return [] }
        var offset = DNSHeader.size
        for _ in 0..<header.questions {
            guard DomainName.skip(in: message, at: &offset) else { return [] }
            offset += 4
        }
        return (0..<(Int(header.answers) + Int(header.authorities) + Int(header.additional))).compactMap { _ in
            DNSRecord(in: message, at: &offset)
        }
    }

    static func code(of message: [UInt8]) -> DNSCode? {
        DNSHeader(message).flatMap { DNSCode(rawValue: $0.code) }
    }
}
