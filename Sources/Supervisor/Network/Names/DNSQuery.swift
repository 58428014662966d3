/// What a guest asks.
///
/// It is taken apart, and what goes to a server is put together anew: so the name that is checked is the name that is asked
/// for, and nothing else of what a guest has sent goes any further.
struct DNSQuery {
    /// A message that is no query, or none that is answered.
    struct Fault: Error, Equatable {
        /// What is said to that; nil: nothing.
        var answer: [UInt8]?
    }

    /// Of a query, in bytes.
    static let maximumLength = 4096
    /// Of the options of EDNS.
    private static let maximumOptions = 512
    /// What a client takes over UDP that says nothing of it.
    private static let leastPayload = 512

    let id: UInt16
    let name: DomainName
    let type: UInt16
    let `class`: UInt16
    /// As it was asked, in the letters' case.
    private let question: [UInt8]
    private let flags: UInt16
    /// The pseudo-record of EDNS; empty if there is none.
    private let options: [UInt8]
    /// Of an answer over UDP.
    let maximumAnswer: Int

    init(_ message: [UInt8]) throws(Fault) {
        guard message.count <= Self.maximumLength, let header = DNSHeader(message), !header.isResponse else {
            throw Fault()
        }
        let refusal = { (code: DNSCode) in
            let flags = DNSHeader.Flag.response | header.flags & 0x7900 | code.rawValue
            return Fault(answer: DNSHeader(id: header.id, flags: flags).bytes)
        }
        guard header.operation == 0 else { throw refusal(.notImplemented) }
        var offset = DNSHeader.size
        guard header.questions == 1, header.answers == 0, header.authorities == 0, header.additional <= 2,
            let name = DomainName(in: message, at: &offset), offset + 4 <= message.count
        else { throw refusal(.formatError) }
        type = message.number(at: offset)
        `class` = message.number(at: offset + 2)
        question = Array(message[DNSHeader.size..<(offset + 4)])
        offset += 4
        var options: [UInt8] = []
        var payload = Self.leastPayload
        for _ in 0..<header.additional {
            let start = offset
            guard let record = DNSRecord(in: message, at: &offset) else { throw refusal(.formatError) }
            guard record.type == DNSType.opt, options.isEmpty else { continue }
            guard message[start] == 0, record.data.count <= Self.maximumOptions else { throw refusal(.formatError) }
            options = Array(message[start..<offset])
            payload = max(payload, Int(record.class))
        }
        id = header.id
        flags = header.flags
        self.name = name
        self.options = options
        maximumAnswer = payload
    }

    /// The query as a server is asked.
    func forwarded(id: UInt16) -> [UInt8] {
        let kept =
            DNSHeader.Flag.recursionDesired | DNSHeader.Flag.authenticData | DNSHeader.Flag.checkingDisabled
        var header = DNSHeader(id: id, flags: flags & kept)
        header.questions = 1
        header.additional = options.isEmpty ? 0 : 1
        return header.bytes + question + options
    }

    /// An answer to it of our own.
    ///
    /// - Parameter flags: Beside those that say that it is one.
    func answer(_ code: DNSCode, _ records: [DNSAnswerRecord] = [], flags added: UInt16 = 0) -> [UInt8] {
        answer(code: code.rawValue, records, flags: added)
    }

    func answer(code: UInt16, _ records: [DNSAnswerRecord], flags added: UInt16) -> [UInt8] {
        let kept = DNSHeader.Flag.recursionDesired | DNSHeader.Flag.checkingDisabled
        var header = DNSHeader(
            id: id,
            flags: DNSHeader.Flag.response | DNSHeader.Flag.recursionAvailable | flags & kept | added | code)
        header.questions = 1
        header.answers = UInt16(clamping: records.count)
        header.additional = options.isEmpty ? 0 : 1
        // Who speaks of EDNS is answered in it (RFC 6891, 6.1.1): a payload of 1232 bytes, no options.
        let ending: [UInt8] = options.isEmpty ? [] : [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]
        return header.bytes + question + records.prefix(Int(UInt16.max)).flatMap(\.bytes) + ending
    }
}
