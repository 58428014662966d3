import Glibc
import Linux
import Reactor
import SupervisorProtocol
import Synchronization
import Testing

@testable import Supervisor

@Suite("a guest asks for names", .serialized)
struct ResolverTests {
    private func withNames(_ body: (String) throws -> Void) throws {
        let directory = "/tmp/smartvm-vms-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        try File.write(Array("172.30.0.2\n".utf8), to: "\(directory)/web")
        try body(directory)
    }

    @Test("VMs are known here, the world is asked for, and nobody but the guest is answered")
    func names() throws {
        try withNames { directory in
            let server = try FakeNameServer { query, _, _ in
                query.answer(.noError, [DNSMessages.record("192.0.2.7")])
            }
            let stage = try NetworkStage(servers: [server.text], names: [directory])
            for name in ["web", "WEB", "web.internal"] {
                #expect(DNSMessages.addresses(in: try stage.ask(name)) == ["172.30.0.2"])
            }
            let none = try stage.ask("web", type: DNSType.aaaa)
            #expect(DNSMessages.code(of: none) == .noError && DNSMessages.records(in: none).isEmpty)
            let pointer = try stage.ask("2.0.30.172.in-addr.arpa", type: DNSType.ptr)
            #expect(pointer.suffix(14) == DNSMessages.wire("web.internal"))
            #expect(server.asked == 0)
            // A VM that has come and gone.
            try File.write(Array("172.30.0.3\n".utf8), to: "\(directory)/db")
            #expect(DNSMessages.addresses(in: try stage.ask("db")) == ["172.30.0.3"])
            try FileTree.remove("\(directory)/db")
            #expect(DNSMessages.addresses(in: try stage.ask("db")) == ["192.0.2.7"])
            // The world's, with the number, the question and the letters' case that were asked for.
            let foreign = try stage.ask("wEb.Example.com")
            #expect(foreign.prefix(2) == [0x12, 0x34])
            #expect(foreign[12..<29].elementsEqual(DNSMessages.wire("wEb.Example.com")))
            #expect(DNSMessages.addresses(in: foreign) == ["192.0.2.7"])
            // Nobody else, what is no query, a transfer, another class.
            #expect(try stage.ask(DNSMessages.query("web"), from: 2, seconds: 0.3) == nil)
            #expect(try stage.ask([1, 2, 3], seconds: 0.2) == nil)
            #expect(DNSMessages.code(of: try stage.ask("example.com", type: DNSType.wholeTransfer)) == .notImplemented)
        }
    }

    @Test("rules decide over the world's names, never over VMs'")
    func rules() throws {
        try withNames { directory in
            let server = try FakeNameServer { query, _, _ in
                query.answer(.noError, [DNSMessages.record("192.0.2.7")])
            }
            let deny = NetworkPlan.DomainRule(pattern: "*.bad.example", allows: false, table: "", set: "")
            let open = try NetworkStage(servers: [server.text], names: [directory], rules: [deny])
            #expect(DNSMessages.code(of: try open.ask("x.BAD.example")) == .refused)
            #expect(DNSMessages.addresses(in: try open.ask("bad.example")) == ["192.0.2.7"])
            let closed = try NetworkStage(
                servers: [server.text], names: [directory], rules: [deny], refusesUnlisted: true)
            let before = server.asked
            for type in [DNSType.a, DNSType.aaaa, DNSType.ptr, 16, DNSType.any] {
                #expect(DNSMessages.code(of: try closed.ask("bad.example", type: type)) == .refused)
            }
            #expect(DNSMessages.addresses(in: try closed.ask("web")) == ["172.30.0.2"])
            #expect(server.asked == before)
            let alone = try NetworkStage(names: [directory])
            #expect(DNSMessages.code(of: try alone.ask("example.com")) == .refused)
            #expect(DNSMessages.addresses(in: try alone.ask("web")) == ["172.30.0.2"])
        }
    }

    @Test("a plan that cannot be served is refused in words")
    func nonsense() throws {
        func words(_ change: (inout NetworkPlan) throws -> Void) throws -> String {
            let datagrams = try InternetSocket.datagrams(at: Peer.loopback())
            let listener = try InternetSocket.listen(at: Peer.loopback())
            var plan = NetworkPlan(
                resolver: NetworkPlan.Resolver(
                    datagramDescriptor: UInt32(datagrams.take()), streamDescriptor: UInt32(listener.take()),
                    guests: ["127.0.0.1"], servers: [], nameDirectories: []))
            try change(&plan)
            let loop = try EventLoop(bufferSize: 4096)
            return #expect(throws: NetworkFault.self) { try NetworkService(plan, loop: loop) }?.description ?? ""
        }
        let pipe = try Pipe()
        for number in [2, UInt32(pipe.read.rawValue), .max] {
            let wrong = try words { $0.resolver?.datagramDescriptor = number }
            #expect(wrong == "descriptor \(number), for names over UDP, is no socket of the internet")
        }
        #expect(try words { $0.resolver?.guests = ["web"] } == "'web', a guest's, is no address")
        #expect(try words { $0.resolver?.servers = ["ns.example"] } == "'ns.example', a name server's, is no address")
        let rule = NetworkPlan.DomainRule(pattern: "*", allows: true, table: "t", set: "s")
        #expect(try words { $0.domainRules = [rule] } == "'*' is no domain name")
        let port = NetworkPlan.Port(transport: .tcp, descriptor: 9, guestAddress: "172.30.0.2", guestPort: 70_000)
        #expect(
            try words { $0.ports = [port] } == "port 70000 of the guest at '172.30.0.2' is no place to forward to")
    }

    @Test("what is cut is asked again over TCP, many queries on one connection")
    func overTCP() throws {
        let records = (1...200).map { DNSMessages.record("192.0.2.\($0)") }
        let server = try FakeNameServer { query, _, transport in
            transport == .udp
                ? query.answer(.noError, flags: DNSHeader.Flag.truncated) : query.answer(.noError, records)
        }
        let stage = try NetworkStage(servers: [server.text])
        let cut = try stage.ask("big.example")
        #expect(DNSHeader(cut)?.isTruncated == true && cut.prefix(2) == [0x12, 0x34])
        let answers = try stage.askOverTCP(["a.example", "b.example", "c.example"].map { DNSMessages.query($0) })
        #expect(answers.map { DNSMessages.addresses(in: $0).count } == [200, 200, 200])
        // What is no length of a query ends the connection.
        let peer = try Peer.connect(to: stage.resolver)
        try peer.write([0xff, 0xff])
        #expect(try peer.readAll().isEmpty)
    }

    @Test("a server that is silent, wrong or forged is passed over, and at the end the query fails")
    func failures() throws {
        let good = try FakeNameServer { query, _, _ in query.answer(.noError, [DNSMessages.record("192.0.2.7")]) }
        let silent = try FakeNameServer { _, _, _ in nil }
        // Another number; another question; no message.
        let forger = try FakeNameServer { query, message, _ in
            var answer = query.answer(.noError, [DNSMessages.record("198.51.100.66")])
            switch message[14] % 3 {
            case 0: answer[0] ^= 1
            case 1: answer[13] ^= 2
            default: answer.removeLast()
            }
            return answer
        }
        let failing = try FakeNameServer { query, _, _ in query.answer(.serverFailure) }
        for first in [silent, forger, failing] {
            let stage = try NetworkStage(servers: [first.text, good.text], queryMilliseconds: 200)
            #expect(DNSMessages.addresses(in: try stage.ask("a.example")) == ["192.0.2.7"])
            // The one that has answered is asked first from now on.
            let before = first.asked
            #expect(DNSMessages.addresses(in: try stage.ask("b.example")) == ["192.0.2.7"])
            #expect(first.asked == before)
        }
        let alone = try NetworkStage(servers: [silent.text], queryMilliseconds: 200)
        let before = silent.asked
        #expect(DNSMessages.code(of: try alone.ask("c.example")) == .serverFailure)
        #expect(silent.asked == before + 2)
        // Nobody listens there: that is known at once.
        let nobody = try NetworkStage(servers: ["127.0.0.1:1"])
        let start = ContinuousClock.now
        #expect(DNSMessages.code(of: try nobody.ask("d.example")) == .serverFailure)
        #expect(ContinuousClock.now - start < .seconds(1.5))
    }

    @Test("queries under way are bounded: further ones fail at once, and afterwards all is well")
    func flood() throws {
        let isSilent = Mutex(true)
        let silent = try FakeNameServer { query, _, _ in
            isSilent.withLock { $0 } ? nil : query.answer(.noError, [DNSMessages.record("192.0.2.7")])
        }
        let stage = try NetworkStage(servers: [silent.text])
        let socket = Peer(try InternetSocket.datagrams(at: Peer.loopback()))
        for number in 0..<400 {
            try InternetSocket.send(
                DNSMessages.query("n\(number).example"), to: stage.resolver, from: socket.socket.rawValue)
            if number % 20 == 0 { usleep(2000) }
        }
        var failed = 0
        while let answer = try? socket.read(seconds: 0.5) {
            #expect(DNSMessages.code(of: answer) == .serverFailure)
            failed += 1
        }
        #expect(failed == 400 - Resolver.maximumQueries)
        isSilent.withLock { $0 = false }
        // Those under way are asked once more, and answered.
        while let answer = try? socket.read(seconds: 3) {
            #expect(DNSMessages.addresses(in: answer) == ["192.0.2.7"])
            failed += 1
            if failed == 400 { break }
        }
        #expect(failed == 400)
        #expect(DNSMessages.addresses(in: try stage.ask("a.example")) == ["192.0.2.7"])
    }

    @Test("whatever a guest sends, the next query is answered")
    func hostile() throws {
        let server = try FakeNameServer { query, _, _ in query.answer(.noError, [DNSMessages.record("192.0.2.7")]) }
        let stage = try NetworkStage(servers: [server.text])
        var generator = SeededGenerator(seed: 7)
        let socket = Peer(try InternetSocket.datagrams(at: Peer.loopback()))
        for _ in 0..<3000 {
            var bytes = DNSMessages.query("a.example", payload: 512)
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            try InternetSocket.send(bytes, to: stage.resolver, from: socket.socket.rawValue)
        }
        // Connections that say little or nothing.
        let peers = try (0..<40).map { _ in try Peer.connect(to: stage.resolver) }
        for peer in peers.prefix(10) { try peer.write([0]) }
        // As a guest does, it asks again if its datagram found the queue full.
        var answer: [UInt8]?
        for _ in 0..<10 where answer == nil { answer = try stage.ask(DNSMessages.query("b.example"), seconds: 2) }
        #expect(DNSMessages.addresses(in: try #require(answer)) == ["192.0.2.7"])
        withExtendedLifetime(peers) {}
    }
}
