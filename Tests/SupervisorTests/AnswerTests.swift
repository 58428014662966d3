import Testing

@testable import Supervisor

@Suite("answers of a VMM")
struct AnswerTests {
    private static let done = Array("HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n".utf8)
    private static let refused = Array(
        "HTTP/1.1 400 \r\nContent-Type: application/json\r\ncontent-length: 21\r\n\r\n{\"fault_message\":\"x\"}".utf8)

    @Test("answers are read wherever the bytes are cut")
    func cuts() throws {
        let all = Self.done + Self.refused + Self.done
        for length in 1...all.count {
            var reader = HTTPAnswerReader()
            var answers: [HTTPAnswerReader.Answer] = []
            var rest = all[...]
            while !rest.isEmpty {
                if let answer = try reader.feed(rest.prefix(length)) { answers.append(answer) }
                rest = rest.dropFirst(length)
            }
            while let answer = try reader.feed([]) { answers.append(answer) }
            #expect(answers.map(\.status) == [204, 400, 204])
            #expect(answers.map { $0.body.count } == [0, 21, 0])
        }
    }

    @Test(
        "what is no answer is refused",
        arguments: [
            "SSH-2.0\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 99 \r\n\r\n", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        ])
    func nonsense(text: String) {
        var reader = HTTPAnswerReader()
        #expect(throws: HTTPAnswerReader.Fault.self) { try reader.feed(Array(text.utf8)) }
    }

    @Test("random bytes never do harm, and an endless head is not kept")
    func random() {
        for _ in 0..<2000 {
            var bytes = Self.refused
            for _ in 0..<Int.random(in: 1...8) { bytes[Int.random(in: 0..<bytes.count)] = .random(in: 0...255) }
            var reader = HTTPAnswerReader()
            _ = try? reader.feed(bytes)
        }
        var reader = HTTPAnswerReader()
        #expect(throws: HTTPAnswerReader.Fault.tooLong) {
            _ = try reader.feed([UInt8](repeating: 0x61, count: HTTPAnswerReader.limit + 1))
        }
    }
}
