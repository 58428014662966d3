/// What a server has answered to a guest's query.
struct DNSResponse {
    /// Of the records of an answer; no name of a host has so many.
    static let maximumRecords = 512
    /// From a name over other names to addresses.
    private static let maximumAliases = 16

    let code: UInt16
    let isTruncated: Bool
    private let query: DNSQuery
    private let flags: UInt16
    private let message: [UInt8]
    /// Those of the answer's own section.
    private let records: [DNSRecord]
    /// Where they end.
    private let end: Int
    /// The records behind them.
    private let others: [DNSRecord]

    /// Nil if it does not answer this query, or is no message.
    init?(_ message: [UInt8], to query: DNSQuery, id: UInt16) {
        guard let header = DNSHeader(message), header.id == id, header.isResponse, header.operation == 0,
            header.questions == 1
        else { return nil }
        var offset = DNSHeader.size
        guard let name = DomainName(in: message, at: &offset), name == query.name, offset + 4 <= message.count,
            message.number(at: offset) == query.type, message.number(at: offset + 2) == query.class
        else { return nil }
        offset += 4
        code = header.code
        isTruncated = header.isTruncated
        flags = header.flags
        self.query = query
        let others = Int(header.authorities) + Int(header.additional)
        if let read = Self.records(in: message, count: Int(header.answers), at: &offset) {
            let end = offset
            if let after = Self.records(in: message, count: others, at: &offset) {
                self.message = message
                self.end = end
                records = read
                self.others = after
                return
            }
        }
        // Some servers cut in the middle of a record; whoever asked asks again over TCP.
        guard header.isTruncated else { return nil }
        self.message = query.answer(code: header.code, [], flags: DNSHeader.Flag.truncated)
        end = self.message.count
        records = []
        self.others = []
    }

    private static func records(in message: [UInt8], count: Int, at offset: inout Int) -> [DNSRecord]? {
        guard count <= maximumRecords else { return nil }
        var records: [DNSRecord] = []
        for _ in 0..<count {
            guard let record = DNSRecord(in: message, at: &offset) else { return nil }
            records.append(record)
        }
        return records
    }

    /// The IPv4 addresses of the name that was asked for, also over other names of it, and for how many seconds they hold.
    var addresses: [(address: UInt32, lifetime: UInt32)] {
        var names: Set<DomainName> = [query.name]
        var last = query.name
        for _ in 0..<Self.maximumAliases {
            let next = records.lazy.filter { owner(of: $0) == last }.compactMap { $0.alias(in: message) }.first
            guard let next, names.insert(next).inserted else { break }
            last = next
        }
        return records.compactMap { record in
            guard let address = record.address(in: message), let owner = owner(of: record), names.contains(owner) else {
                return nil
            }
            return (address, record.lifetime)
        }
    }

    private func owner(of record: DNSRecord) -> DomainName? {
        var offset = record.owner
        return DomainName(in: message, at: &offset)
    }

    /// The answer without the records that tell addresses which no name of the world may have.
    ///
    /// An answer without such stays as the server gave it. Of one with such, aliases and addresses remain: other records could
    /// point into what is taken out.
    ///
    /// - Returns: Nil if nothing good can be made of it.
    func stripped(_ isForbidden: (UInt32) -> Bool) -> DNSResponse? {
        func isBad(_ record: DNSRecord) -> Bool {
            if let address = record.address(in: message) { return isForbidden(address) }
            return record.type == DNSType.aaaa && ForbiddenAddress.isIPv6(message[record.data])
        }
        let isAnswerBad = records.contains(where: isBad)
        guard isAnswerBad || others.contains(where: isBad) else { return self }
        var good = Array(message[..<end])
        if isAnswerBad {
            let kept = records.compactMap { isBad($0) ? nil : copy($0) }
            good = query.answer(code: code, kept, flags: flags & DNSHeader.Flag.truncated)
        } else {
            // Names point backwards alone, so what stands before can do without what follows.
            good.replaceSubrange(8..<12, with: [0, 0, 0, 0])
        }
        return DNSResponse(good, to: query, id: good.number(at: 0))
    }

    /// A record that stands for itself; nil for one that is neither an alias nor an address.
    private func copy(_ record: DNSRecord) -> DNSAnswerRecord? {
        guard record.class == dnsInternetClass, let owner = owner(of: record) else { return nil }
        let data: [UInt8]
        switch record.type {
        case DNSType.a, DNSType.aaaa: data = Array(message[record.data])
        case DNSType.cname:
            guard let alias = record.alias(in: message) else { return nil }
            data = alias.wire + [0]
        default: return nil
        }
        return DNSAnswerRecord(
            owner: owner == query.name ? nil : owner, type: record.type, lifetime: record.lifetime, data: data)
    }

    /// What the guest gets over TCP.
    var bytes: [UInt8] {
        var bytes = message
        bytes.replaceSubrange(0..<2, with: [UInt8(query.id >> 8), UInt8(query.id & 0xff)])
        return bytes
    }

    /// What the guest gets over UDP: less, if it does not take so much.
    var datagram: [UInt8] {
        message.count <= query.maximumAnswer
            ? bytes : query.answer(code: code, [], flags: DNSHeader.Flag.truncated)
    }
}
