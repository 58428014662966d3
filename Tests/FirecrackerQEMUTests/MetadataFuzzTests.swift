import FirecrackerAPI
import Linux
import Testing

@testable import FirecrackerQEMU

/// How long tests with random input go on: a second each, or `SMARTVM_FUZZ_SECONDS`. Their seed is told, so that a failure can be had again
/// with `SMARTVM_FUZZ_SEED`.
enum Fuzzing {
    static let time = Duration.seconds(EnvironmentVariable.value("SMARTVM_FUZZ_SECONDS").flatMap { Int($0) } ?? 1)
    static let seed: UInt64 =
        EnvironmentVariable.value("SMARTVM_FUZZ_SEED").flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
}

@Suite("Hostile frames to the metadata service")
struct MetadataFuzzTests {
    /// Frames as a guest sends them, with something wrong now and then, and one connection among them that goes on as it should.
    private struct Adversary {
        var numbers: SeededNumbers
        var sequences: [UInt32] = [0, 1, .max]
        var acknowledgments: [UInt32] = [0, .max]

        mutating func below(_ bound: Int) -> Int { .random(in: 0..<bound, using: &numbers) }
        mutating func isChosen(one number: Int) -> Bool { below(number) == 0 }

        mutating func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
        }

        mutating func text() -> [UInt8] {
            let texts = [
                "GET / HTTP/1.1\r\n\r\n", "GET /name HTTP/1.1\r\nAccept: application/json\r\n\r\n", "\n\n", "\r\n",
                "PUT /latest/api/token HTTP/1.1\r\nX-metadata-token-ttl-seconds: 5\r\n\r\n",
                "GET /big HTTP/1.0\r\n\r\n",
                "GET /~1~0~/0/1 HTTP/1.1\r\nAccept-Encoding: ;\r\n\r\n", "POST / HTTP/1.1\r\n\r\n",
                "GET /\u{e9} HTTP/1.1\r\n",
                "X-metadata-token: " + String(repeating: "A", count: 44) + "\r\n\r\n",
            ]
            var text = Array((texts.randomElement(using: &numbers) ?? "").utf8)
            if isChosen(one: 4) { text = Array(text.prefix(below(text.count + 1))) }
            if isChosen(one: 6) { text += bytes(below(1500)) }
            if isChosen(one: 6), !text.isEmpty { text[below(text.count)] = UInt8(truncatingIfNeeded: numbers.next()) }
            return text
        }

        mutating func segment() -> TCPSegment {
            let sequence = sequences.randomElement(using: &numbers) ?? 0
            let acknowledged = acknowledgments.randomElement(using: &numbers) ?? 0
            let flags: [TCPSegment.Flags] = [
                [.syn], [.acknowledgment], [.acknowledgment], [.acknowledgment, .push], [.fin, .acknowledgment],
                [.reset], TCPSegment.Flags(rawValue: UInt8(below(32))),
            ]
            return TCPSegment(
                from: UInt16(1 + below(40)), to: isChosen(one: 50) ? UInt16(below(65536)) : 80,
                sequence: sequence &+ UInt32(truncatingIfNeeded: isChosen(one: 3) ? below(3000) - 1500 : 0),
                acknowledged: acknowledged &+ UInt32(truncatingIfNeeded: isChosen(one: 3) ? below(3000) - 1500 : 0),
                flags: flags.randomElement(using: &numbers) ?? [],
                window: UInt16(isChosen(one: 3) ? below(65536) : 65535),
                maximumSize: isChosen(one: 2) ? UInt16(below(65536)) : nil,
                payload: (isChosen(one: 3) ? [] : text())[...])
        }

        mutating func frame() -> [UInt8] {
            if isChosen(one: 30) { return bytes(below(200)) }
            var frame: [UInt8]
            if isChosen(one: 20) {
                frame =
                    EthernetFrame(
                        to: bytes(6), from: bytes(6), .arp,
                        ARPMessage(
                            .request, from: bytes(6), IPv4(truncatingIfNeeded: numbers.next()), to: bytes(6),
                            MetadataClient.serviceAddress
                        ).encoded
                    ).encoded
            } else {
                frame = MetadataClient.frame(segment(), from: MetadataClient.address + IPv4(below(2)))
            }
            if isChosen(one: 4) {
                // Lengths, offsets and options are among the first.
                for _ in 0...below(3) {
                    frame[below(min(frame.count, 70))] = UInt8(truncatingIfNeeded: numbers.next())
                }
            }
            if isChosen(one: 8) { frame = Array(frame.prefix(below(frame.count + 1))) }
            return frame
        }
    }

    @Test("no frame of the guest's harms the service, makes it speak without end, or keeps others from it")
    func frames() throws {
        let seed = Fuzzing.seed
        print("MetadataFuzzTests: seed \(seed)")
        var adversary = Adversary(numbers: SeededNumbers(seed: seed))
        var store = MetadataStore(sizeLimit: 51200)
        try store.put(
            try JSONValue(
                decoding: Array("{\"name\":{\"a\":\"b\"},\"big\":\"\(String(repeating: "x", count: 20_000))\"}".utf8)))
        var total = 0
        let deadline = ContinuousClock.now + Fuzzing.time
        while ContinuousClock.now < deadline || total < 100_000 {
            if Bool.random(using: &adversary.numbers) { store.version = store.version == .v1 ? .v2 : .v1 }
            var client = MetadataClient(MetadataService(store: store))
            adversary.acknowledgments = [0, .max]
            var answers = 0
            for _ in 0..<2000 {
                let frame = adversary.frame()
                if MetadataClient.claims(client.stack, frame) || adversary.isChosen(one: 100) { client.send(frame) }
                if adversary.isChosen(one: 2) { client.now += UInt64(adversary.below(200_000_000)) }
                for frame in client.frames() {
                    answers += 1
                    #expect(frame.count <= 1514)
                    // What is answered right leads deeper in.
                    guard let packet = EthernetFrame(frame).flatMap({ IPv4Packet($0.payload) }),
                        let segment = TCPSegment(packet.payload)
                    else { continue }
                    if adversary.acknowledgments.count > 20 { adversary.acknowledgments.removeFirst(10) }
                    if adversary.sequences.count > 20 { adversary.sequences.removeFirst(10) }
                    adversary.acknowledgments.append(segment.sequence &+ segment.length)
                    adversary.sequences.append(segment.acknowledged)
                }
                total += 1
            }
            // Thirty connections send at most 15 times what they have to say, 14 segments and more each.
            #expect(answers < 2000 * 500)
            // Whatever was there before is silent, and makes room.
            client.now += 20_000_000_000
            _ = client.frames()
            var connection = MetadataConnection(&client, port: 50_000)
            let said = connection?.exchange(&client, "GET /name/a HTTP/1.1\r\n\r\n")
            #expect(said?.hasPrefix("HTTP/1.1 ") == true)
        }
        print("MetadataFuzzTests: \(total) frames")
    }
}
