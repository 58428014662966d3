/// The header of a DNS message, and the numbers that messages are made of (RFC 1035, 4.1.1; RFC 6891).
struct DNSHeader: Equatable {
    static let size = 12

    enum Flag {
        static let response: UInt16 = 0x8000
        static let authoritative: UInt16 = 0x0400
        static let truncated: UInt16 = 0x0200
        static let recursionDesired: UInt16 = 0x0100
        static let recursionAvailable: UInt16 = 0x0080
        static let authenticData: UInt16 = 0x0020
        static let checkingDisabled: UInt16 = 0x0010
    }

    var id: UInt16
    var flags: UInt16
    var questions: UInt16 = 0
    var answers: UInt16 = 0
    var authorities: UInt16 = 0
    var additional: UInt16 = 0

    init(id: UInt16, flags: UInt16) {
        self.id = id
        self.flags = flags
    }

    init?(_ message: [UInt8]) {
        guard message.count >= Self.size else { return nil }
        id = message.number(at: 0)
        flags = message.number(at: 2)
        questions = message.number(at: 4)
        answers = message.number(at: 6)
        authorities = message.number(at: 8)
        additional = message.number(at: 10)
    }

    var isResponse: Bool { flags & Flag.response != 0 }
    var isTruncated: Bool { flags & Flag.truncated != 0 }
    var operation: UInt16 { flags >> 11 & 0xf }
    var code: UInt16 { flags & 0xf }

    var bytes: [UInt8] {
        [id, flags, questions, answers, authorities, additional].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    }
}

/// How an answer says that it went.
enum DNSCode: UInt16 {
    case noError = 0
    case formatError = 1
    case serverFailure = 2
    case noSuchName = 3
    case notImplemented = 4
    case refused = 5
}

/// Types of records.
enum DNSType {
    static let a: UInt16 = 1
    static let cname: UInt16 = 5
    static let ptr: UInt16 = 12
    static let aaaa: UInt16 = 28
    static let opt: UInt16 = 41
    static let incrementalTransfer: UInt16 = 251
    static let wholeTransfer: UInt16 = 252
    static let any: UInt16 = 255
}

/// The class of the internet.
let dnsInternetClass: UInt16 = 1

extension Array where Element == UInt8 {
    /// Two bytes in network order, which are there.
    func number(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// Four bytes in network order, which are there.
    func longNumber(at offset: Int) -> UInt32 {
        UInt32(number(at: offset)) << 16 | UInt32(number(at: offset + 2))
    }
}
