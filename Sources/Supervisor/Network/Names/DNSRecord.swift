/// A record of a message: where in it the parts are.
struct DNSRecord {
    /// Where its owner's name begins.
    var owner: Int
    var type: UInt16
    var `class`: UInt16
    /// Seconds.
    var lifetime: UInt32
    var data: Range<Int>

    /// Reads the record that begins at an offset, and moves that to its end. Nil if it is cut.
    init?(in message: [UInt8], at offset: inout Int) {
        owner = offset
        guard DomainName.skip(in: message, at: &offset), offset + 10 <= message.count else { return nil }
        type = message.number(at: offset)
        `class` = message.number(at: offset + 2)
        lifetime = message.longNumber(at: offset + 4)
        let length = Int(message.number(at: offset + 8))
        offset += 10
        guard offset + length <= message.count else { return nil }
        data = offset..<(offset + length)
        offset += length
    }

    /// The IPv4 address that it tells, if that is what it does.
    func address(in message: [UInt8]) -> UInt32? {
        guard type == DNSType.a, `class` == dnsInternetClass, data.count == 4 else { return nil }
        return message.longNumber(at: data.lowerBound)
    }

    /// The name that its owner is another name of, if that is what it tells.
    func alias(in message: [UInt8]) -> DomainName? {
        guard type == DNSType.cname, `class` == dnsInternetClass else { return nil }
        var offset = data.lowerBound
        guard let name = DomainName(in: message, at: &offset), offset == data.upperBound else { return nil }
        return name
    }
}

/// A record to be written.
struct DNSAnswerRecord: Equatable {
    /// Nil: the name that was asked for.
    var owner: DomainName?
    var type: UInt16
    /// Seconds.
    var lifetime: UInt32
    var data: [UInt8]

    var bytes: [UInt8] {
        // The question stands behind the header.
        var bytes = owner.map { $0.wire + [0] } ?? [0xc0, UInt8(DNSHeader.size)]
        for number in [type, dnsInternetClass, UInt16(lifetime >> 16), UInt16(lifetime & 0xffff), UInt16(data.count)] {
            bytes += [UInt8(number >> 8), UInt8(number & 0xff)]
        }
        return bytes + data
    }
}
