/// Reads the answers of a VMM from its bytes as they come: a status, headers of which one counts, and a body of a known length.
struct HTTPAnswerReader {
    struct Answer: Equatable {
        var status: Int
        var body: [UInt8]
    }

    enum Fault: Error, Equatable {
        case malformed
        case tooLong
    }

    /// Of an answer, in bytes.
    static let limit = 1 << 20

    private var bytes: [UInt8] = []

    /// - Returns: The next answer, if it is complete.
    mutating func feed(_ more: some Collection<UInt8>) throws(Fault) -> Answer? {
        bytes += more
        guard let end = headEnd() else {
            if bytes.count > Self.limit { throw .tooLong }
            return nil
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: true)
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), (100...599).contains(status)
        else { throw .malformed }
        var length = 0
        for line in lines.dropFirst() {
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw .malformed }
            guard line[..<colon].lowercased() == "content-length" else { continue }
            let digits = line[line.utf8.index(after: colon)...].filter { $0 != " " }
            guard let value = Int(digits), value >= 0 else { throw .malformed }
            length = value
        }
        guard length <= Self.limit else { throw .tooLong }
        let bodyStart = end + 4
        guard bytes.count >= bodyStart + length else { return nil }
        let answer = Answer(status: status, body: Array(bytes[bodyStart..<(bodyStart + length)]))
        bytes.removeFirst(bodyStart + length)
        return answer
    }

    /// Where the empty line begins that ends the head.
    private func headEnd() -> Int? {
        guard bytes.count >= 4 else { return nil }
        let end: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]
        return (0...(bytes.count - 4)).first { bytes[$0..<($0 + 4)].elementsEqual(end) }
    }
}
