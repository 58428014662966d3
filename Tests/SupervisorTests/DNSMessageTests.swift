import SupervisorProtocol
import Testing

@testable import Supervisor

@Suite("DNS messages")
struct DNSMessageTests {
    private func query(_ name: String, type: UInt16 = DNSType.a, payload: UInt16? = nil) throws -> DNSQuery {
        try DNSQuery(DNSMessages.query(name, type: type, payload: payload))
    }

    @Test("names are one whatever their case, and end where their labels do")
    func names() throws {
        let name = try #require(DomainName("WWW.Example.com"))
        #expect(name == DomainName("www.example.COM."))
        #expect(name.wire == Array("\u{3}www\u{7}example\u{3}com".utf8))
        let example = try #require(DomainName("example.com"))
        #expect(name.isBelow(example))
        #expect(!example.isBelow(example))
        #expect(!example.isBelow(name))
        #expect(try #require(DomainName("a.b.example.com")).isBelow(example))
        #expect(!(try #require(DomainName("notexample.com")).isBelow(example)))
        // A label whose bytes look like labels is not those labels.
        var offset = 0
        let label: [UInt8] = [12] + Array("a\u{7}example".utf8) + [3, 0x63, 0x6f] + [0]
        let odd = try #require(DomainName(in: label, at: &offset))
        #expect(!odd.isBelow(example))
        for text in [
            "", ".", "a..b", "*.example.com", "b\u{fc}cher.example", "a b", "a/b", String(repeating: "a", count: 64),
        ] {
            #expect(DomainName(text) == nil, "\(text)")
        }
        #expect(DomainName(Array(repeating: "a23456789", count: 26).joined(separator: ".")) == nil)
    }

    @Test("pointers are followed backwards alone, so that no message leads in circles")
    func pointers() {
        let head = [UInt8](repeating: 0, count: 12)
        func read(_ bytes: [UInt8], from start: Int) -> DomainName? {
            var offset = start
            return DomainName(in: head + bytes, at: &offset)
        }
        // 12: com, 17: example + pointer to com, 27: pointer to 17.
        let good = DNSMessages.wire("com") + [7] + Array("example".utf8) + [0xc0, 12, 0xc0, 17]
        #expect(read(good, from: 27) == DomainName("example.com"))
        #expect(read([0xc0, 12], from: 12) == nil)
        #expect(read([0xc0, 14, 0xc0, 12], from: 12) == nil)
        #expect(read([0xc0, 14, 0xc0, 12], from: 14) == nil)
        #expect(read([1, 0x61, 0xc0, 12], from: 12) == nil)
        #expect(read([0xc0, 0], from: 12) == nil)
        #expect(read([0xc0], from: 12) == nil)
        #expect(read([0x40, 0], from: 12) == nil)
        #expect(read([3, 0x61], from: 12) == nil)
        // A chain of pointers that would make a name of 4 KiB.
        var long: [UInt8] = [1, 0x61, 0]
        for place in 0..<1000 {
            let target = place == 0 ? 12 : 15 + (place - 1) * 4
            long += [1, 0x61, UInt8(0xc0 | target >> 8), UInt8(target & 0xff)]
        }
        #expect(read(long, from: 15 + 999 * 4) == nil)
        #expect(read(long, from: 15 + 100 * 4) != nil)
    }

    @Test("a query is put together anew, and what is none is answered as far as it can be")
    func queries() throws {
        var bytes = DNSMessages.query("Web.Example.com", payload: 1400)
        let query = try DNSQuery(bytes)
        #expect(query.name == DomainName("web.example.com"))
        #expect(query.maximumAnswer == 1400)
        let forwarded = query.forwarded(id: 0xabcd)
        #expect(forwarded == [0xab, 0xcd] + bytes[2...])
        // What is no option, and what follows the message, stays here.
        let other: [UInt8] = [0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 0x61]
        var more = bytes + other + [9, 9, 9]
        more[11] = 2
        #expect(try DNSQuery(more).forwarded(id: 0xabcd) == forwarded)
        // Not a query, another operation, two questions, cut.
        bytes[2] |= 0x80
        #expect(throws: DNSQuery.Fault(answer: nil)) { try DNSQuery(bytes) }
        bytes[2] = 0x29
        #expect(throws: DNSQuery.Fault.self) { try DNSQuery(bytes) }
        bytes[2] = 1
        bytes[5] = 2
        let fault = #expect(throws: DNSQuery.Fault.self) { try DNSQuery(bytes) }
        #expect(fault?.answer.flatMap { DNSMessages.code(of: $0) } == .formatError)
        #expect(fault?.answer?.prefix(2) == [0x12, 0x34])
        bytes[5] = 1
        for length in 0..<bytes.count {
            #expect(throws: DNSQuery.Fault.self) { try DNSQuery(Array(bytes.prefix(length))) }
        }
    }

    @Test("an answer counts only if it is one to the query")
    func matching() throws {
        let query = try query("web.example.com")
        let answer = query.answer(.noError, [DNSMessages.record("192.0.2.1")])
        #expect(DNSResponse(answer, to: query, id: 0x1234) != nil)
        #expect(DNSResponse(answer, to: query, id: 0x1235) == nil)
        #expect(DNSResponse(answer, to: try self.query("web.example.org"), id: 0x1234) == nil)
        #expect(DNSResponse(answer, to: try self.query("web.example.com", type: DNSType.aaaa), id: 0x1234) == nil)
        #expect(DNSResponse(DNSMessages.query("web.example.com"), to: query, id: 0x1234) == nil)
        for length in 0..<answer.count {
            #expect(DNSResponse(Array(answer.prefix(length)), to: query, id: 0x1234) == nil)
        }
        // Cut by the server: asked again over TCP.
        var cut = query.answer(.noError, [DNSMessages.record("192.0.2.1")], flags: DNSHeader.Flag.truncated)
        cut.removeLast(3)
        let response = try #require(DNSResponse(cut, to: query, id: 0x1234))
        #expect(response.isTruncated && response.addresses.isEmpty)
        #expect(DNSMessages.records(in: response.bytes).isEmpty)
        let many = query.answer(.noError, Array(repeating: DNSMessages.record("192.0.2.1"), count: 513))
        #expect(DNSResponse(many, to: query, id: 0x1234) == nil)
    }

    @Test("addresses are the name's own, over its aliases, in whatever order they come")
    func aliases() throws {
        let query = try query("web.example.com")
        let records = [
            DNSMessages.record("192.0.2.2", owner: "edge.example.net"),
            DNSMessages.record("198.51.100.1", owner: "other.example"),
            DNSMessages.alias("edge.example.net", owner: "cdn.example.net"), DNSMessages.alias("cdn.example.net"),
            DNSMessages.record("192.0.2.3", owner: "EDGE.example.net", lifetime: 7),
        ]
        let response = try #require(DNSResponse(query.answer(.noError, records), to: query, id: 0x1234))
        #expect(response.addresses.map(\.address) == ["192.0.2.2", "192.0.2.3"].map(DNSMessages.address))
        #expect(response.addresses.map(\.lifetime) == [30, 7])
        // Aliases in a circle.
        let circle = [DNSMessages.alias("b.example"), DNSMessages.alias("web.example.com", owner: "b.example")]
        #expect(DNSResponse(query.answer(.noError, circle), to: query, id: 0x1234)?.addresses.isEmpty == true)
    }

    @Test("addresses of the host, of clouds' credentials and of everybody are taken out, the rest stays")
    func stripping() throws {
        let query = try query("web.example.com")
        func stripped(_ records: [DNSAnswerRecord]) throws -> DNSResponse {
            let response = try #require(DNSResponse(query.answer(.noError, records), to: query, id: 0x1234))
            return try #require(response.stripped(ForbiddenAddress.isIPv4))
        }
        let bad = [
            "0.0.0.0", "127.0.0.1", "127.255.0.1", "169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1",
            "255.255.255.255",
        ]
        for address in bad {
            #expect(DNSMessages.records(in: try stripped([DNSMessages.record(address)]).bytes).isEmpty, "\(address)")
        }
        let good = ["169.253.255.255", "10.0.0.1", "192.168.1.1", "223.255.255.255", "1.1.1.1"]
        let untouched = try stripped(good.map { DNSMessages.record($0) })
        #expect(untouched.bytes == query.answer(.noError, good.map { DNSMessages.record($0) }))
        let mixed = try stripped([
            DNSMessages.alias("edge.example.net"), DNSMessages.record("127.0.0.1", owner: "edge.example.net"),
            DNSMessages.record("192.0.2.9", owner: "edge.example.net"),
        ])
        #expect(DNSMessages.addresses(in: mixed.bytes) == ["192.0.2.9"])
        #expect(mixed.addresses.map(\.address) == [DNSMessages.address("192.0.2.9")])
        for address: [UInt8] in [
            [UInt8](repeating: 0, count: 16), [UInt8](repeating: 0, count: 15) + [1],
            [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 169, 254, 169, 254],
            [0xfe, 0x80] + [UInt8](repeating: 1, count: 14),
        ] {
            let record = DNSAnswerRecord(owner: nil, type: DNSType.aaaa, lifetime: 1, data: address)
            #expect(DNSMessages.records(in: try stripped([record]).bytes).isEmpty)
        }
    }

    @Test("what is bad behind the answer goes with all that stands there")
    func strippingBehind() throws {
        let query = try query("example.com", type: 15)
        let exchange = DNSAnswerRecord(
            owner: nil, type: 15, lifetime: 30, data: [0, 10] + DNSMessages.wire("mail.example.com"))
        let bytes = query.answer(.noError, [exchange])
        var message = bytes + DNSMessages.record("127.0.0.1", owner: "mail.example.com").bytes
        message[11] = 1
        let response = try #require(DNSResponse(message, to: query, id: 0x1234)?.stripped(ForbiddenAddress.isIPv4))
        #expect(response.bytes == bytes)
    }

    @Test("what a client does not take over UDP it asks for over TCP")
    func sizes() throws {
        let records = (0..<40).map { DNSMessages.record("192.0.2.\($0 + 1)") }
        let small = try query("web.example.com")
        let cut = try #require(DNSResponse(small.answer(.noError, records), to: small, id: 0x1234)).datagram
        #expect(DNSHeader(cut)?.isTruncated == true && DNSMessages.records(in: cut).isEmpty)
        let large = try query("web.example.com", payload: 1232)
        let whole = try #require(DNSResponse(large.answer(.noError, records), to: large, id: 0x1234)).datagram
        #expect(DNSMessages.addresses(in: whole).count == 40)
    }

    @Test("random bytes, and messages with bytes changed, never do harm")
    func random() throws {
        var generator = SeededGenerator(seed: 53)
        let query = try query("web.example.com", payload: 4096)
        let records = [
            DNSMessages.alias("edge.example.net"), DNSMessages.record("192.0.2.2", owner: "edge.example.net"),
            DNSMessages.record("127.0.0.1"),
        ]
        let answer = query.answer(.noError, records)
        var understood = 0
        for round in 0..<60_000 {
            var bytes = round % 2 == 0 ? answer : DNSMessages.query("web.example.com", payload: 4096)
            if round % 5 == 0 {
                bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                    .random(in: 0...255, using: &generator)
                }
                if bytes.count > 12, round % 10 == 0 { bytes.replaceSubrange(0..<12, with: answer.prefix(12)) }
            }
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = Bool.random(using: &generator) ? 0xc0 : .random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0...min(bytes.count, 4), using: &generator))
            _ = try? DNSQuery(bytes)
            var offset = 12
            if let name = DomainName(in: bytes, at: &offset) { #expect(name.wire.count <= DomainName.maximumLength) }
            if let response = DNSResponse(bytes, to: query, id: 0x1234) {
                understood += 1
                let good = response.stripped(ForbiddenAddress.isIPv4)
                for address in DNSMessages.addresses(in: good?.bytes ?? []) {
                    #expect(!ForbiddenAddress.isIPv4(DNSMessages.address(address)))
                }
                for (address, _) in good?.addresses ?? [] { #expect(!ForbiddenAddress.isIPv4(address)) }
            }
        }
        #expect(understood > 1000)
    }
}
