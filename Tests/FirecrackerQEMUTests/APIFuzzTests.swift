import FirecrackerAPI
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("Hostile clients of the API")
struct APIFuzzTests {
    /// A VMM without a socket: bytes in, bytes out.
    private final class Server {
        private let handler: RequestHandler
        private let host: FakeHost

        init() throws {
            let log = Log()
            try log.configure(LoggerConfig(level: .off))
            host = FakeHost(files: ["/k", "/i", "/d"])
            handler = RequestHandler(
                controller: Controller(
                    instanceID: "fuzz", resources: VMResources(host: host),
                    options: QEMUMachine.Options(qemuBinary: "/no/such/qemu"), log: log, metrics: Metrics()))
        }

        /// Serves one connection, whose bytes come in pieces of at most the given sizes, in turn; they come all at once without any.
        func serve(_ bytes: [UInt8], pieces: [Int] = []) -> [UInt8] {
            var reader = HTTPRequestReader(payloadLimit: 51200)
            var rest = bytes[...]
            var output: [UInt8] = []
            var turn = 0
            while !rest.isEmpty {
                let size = pieces.isEmpty ? .max : pieces[turn % pieces.count]
                turn += 1
                let piece = rest.prefix(min(reader.room, size))
                rest = rest.dropFirst(piece.count)
                for arrival in reader.receive(piece) {
                    switch arrival {
                    case .request(let request): output += handler.handleRequest(request).encoded
                    case .expectsContinue: output += HTTPResponse.continue.encoded
                    case .fault(let fault): output += HTTPResponse(fault).encoded
                    }
                }
            }
            return output
        }

        func get(_ path: String) -> [UInt8] { serve(Array("GET \(path) HTTP/1.1\r\n\r\n".utf8)) }

        /// All that requests can change.
        var state: [[UInt8]] { [get("/vm/config"), get("/mmds"), get("/"), get("/balloon")] }
    }

    private struct Answer {
        var status: Int
        var body: [UInt8]
    }

    /// The answers that bytes consist of; nil if they are not nothing but answers.
    private func answers(_ bytes: [UInt8]) -> [Answer]? {
        var rest = bytes[...]
        var answers: [Answer] = []
        while !rest.isEmpty {
            var lines: [String] = []
            while let end = rest.firstIndex(of: 0x0a), end > rest.startIndex, rest[end - 1] == 0x0d {
                lines.append(String(decoding: rest[..<(end - 1)], as: UTF8.self))
                rest = rest[(end + 1)...]
                if lines.last == "" { break }
            }
            guard lines.count >= 4, lines.removeLast() == "", lines[0].hasPrefix("HTTP/1.1 "), lines[0].hasSuffix(" "),
                let status = Int(lines[0].dropFirst(9).dropLast()), lines[1] == "Server: Firecracker API",
                lines[2] == "Connection: keep-alive", [100, 200, 204, 400, 413].contains(status)
            else { return nil }
            let length = lines.compactMap { $0.hasPrefix("Content-Length: ") ? Int($0.dropFirst(16)) : nil }.first
            guard (length == nil) == (status == 204 || status == 100), rest.count >= length ?? 0 else { return nil }
            answers.append(Answer(status: status, body: Array(rest.prefix(length ?? 0))))
            rest = rest.dropFirst(length ?? 0)
        }
        return answers
    }

    private func isFault(_ answer: Answer) -> Bool {
        guard case .object(let object)? = try? JSONValue(decoding: answer.body) else { return false }
        return object.members.map(\.name) == ["fault_message"]
    }

    @Test(
        "Every request that HTTP can carry has one answer, however it is cut, and one that is refused changes nothing")
    func requests() throws {
        let seed = Fuzzing.seed
        print("APIFuzzTests: seed \(seed)")
        var adversary = APIAdversary(numbers: SeededNumbers(seed: seed))
        let deadline = ContinuousClock.now + Fuzzing.time / 2
        var total = 0
        var taken = 0
        while ContinuousClock.now < deadline || total < 100 {
            let (whole, cut) = (try Server(), try Server())
            for _ in 0..<20 {
                let messages = (0...adversary.below(3)).map { _ in adversary.message() }
                var sent: [UInt8] = []
                for message in messages {
                    let before = whole.state
                    let output = whole.serve(message.framed)
                    sent += output
                    total += 1
                    let answered = answers(output)
                    guard let answer = answered?.first, answered?.count == 1 else {
                        Issue.record("\(answered?.count ?? -1) answers to \(text(message))")
                        continue
                    }
                    if answer.status < 400 {
                        taken += 1
                        #expect(
                            answer.body.isEmpty || (try? JSONValue(decoding: answer.body)) != nil, "\(text(message))")
                        continue
                    }
                    #expect(isFault(answer), "\(text(message)): \(String(decoding: answer.body, as: UTF8.self))")
                    // As in Firecracker, a vsock device that is refused takes the one before along, and so does an interface whose
                    // TAP cannot be opened.
                    if message.path.contains("vsock") || isUnopened(answer) { continue }
                    #expect(whole.state == before, "\(text(message)): \(String(decoding: answer.body, as: UTF8.self))")
                }
                let pieces = (0...adversary.below(4)).map { _ in
                    1 + adversary.below(adversary.isChosen(one: 2) ? 3 : 600)
                }
                #expect(cut.serve(messages.flatMap(\.framed), pieces: pieces) == sent)
            }
            #expect(whole.state == cut.state)
        }
        print("APIFuzzTests: \(total) requests, of which \(taken) were taken")
        #expect(taken > total / 20)
    }

    @Test("No bytes at all end the service, or are answered with anything but answers")
    func garbage() throws {
        var adversary = APIAdversary(numbers: SeededNumbers(seed: Fuzzing.seed &+ 1))
        let deadline = ContinuousClock.now + Fuzzing.time / 2
        var total = 0
        while ContinuousClock.now < deadline || total < 100 {
            let server = try Server()
            for _ in 0..<20 {
                let bytes = adversary.garbage()
                let pieces = adversary.isChosen(one: 2) ? [] : [1 + adversary.below(40), 1 + adversary.below(2000)]
                let said = answers(server.serve(bytes, pieces: pieces))
                #expect(said != nil, "\(String(decoding: bytes, as: UTF8.self))")
                // In a buffer that is all but full of a line without an end, each byte is a fault, as in Firecracker.
                #expect(said?.count ?? 0 <= bytes.count + 1)
                total += 1
            }
            #expect(answers(server.get("/"))?.first?.status == 200)
        }
        print("APIFuzzTests: \(total) connections of garbage")
    }

    private func isUnopened(_ answer: Answer) -> Bool {
        String(decoding: answer.body, as: UTF8.self).contains("Could not create the network device")
    }

    private func text(_ message: APIAdversary.Message) -> String {
        "\(message.method) \(message.path) \(String(decoding: message.body.prefix(2000), as: UTF8.self))"
    }
}
