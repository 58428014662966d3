import Glibc
import Linux
import SupervisorProtocol
import Synchronization
import Testing

@testable import Supervisor

@Suite("published ports", .serialized)
struct PortTests {
    private func withTCP(_ body: (NetworkStage, borrowing Descriptor) throws -> Void) throws {
        let guest = try InternetSocket.listen(at: Peer.loopback())
        let stage = try NetworkStage(forwards: [(.tcp, try NetworkStage.address(of: guest))])
        try body(stage, guest)
    }

    @Test("bytes go both ways whole, and the end of one way leaves the other open")
    func bothWays() throws {
        try withTCP { stage, guest in
            let sent = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
            let client = try Peer.connect(to: stage.ports[0])
            let server = try Peer.accept(guest)
            let number = client.socket.rawValue
            let writer = try Thread("writer") {
                guard let copy = try? Descriptor.duplicate(number) else { return }
                let peer = Peer(copy)
                try? peer.write(sent)
                peer.endSending()
            }
            #expect(try server.readAll() == sent)
            writer.join()
            // The client has ended; the guest answers all the same.
            let other = server.socket.rawValue
            let answerer = try Thread("writer") {
                guard let copy = try? Descriptor.duplicate(other) else { return }
                let peer = Peer(copy)
                try? peer.write(sent.reversed())
                peer.endSending()
            }
            #expect(try client.readAll() == sent.reversed())
            answerer.join()
        }
    }

    @Test("who does not read makes the other wait, and no bytes pile up between them")
    func backPressure() throws {
        try withTCP { stage, guest in
            let client = try Peer.connect(to: stage.ports[0])
            let server = try Peer.accept(guest)
            let before = try residentKiB()
            var sent = 0
            let piece = [UInt8](repeating: 7, count: 64 << 10)
            while Peer.wait(client.socket.rawValue, .writable, seconds: 0.5), sent < 1 << 30 {
                sent += try client.socket.writeSome(piece)
            }
            #expect(sent < 64 << 20)
            #expect(try residentKiB() - before < 4096)
            // Neither does this process turn round and round meanwhile.
            server.endSending()
            client.endSending()
            let spent = clock()
            usleep(300_000)
            #expect(Double(clock() - spent) / Double(CLOCKS_PER_SEC) < 0.1)
            #expect(try server.readAll().count == sent)
        }
    }

    @Test("a guest that refuses is a connection that fails")
    func refusal() throws {
        let nobody = try InternetSocket.datagrams(at: Peer.loopback())
        let stage = try NetworkStage(forwards: [(.tcp, try NetworkStage.address(of: nobody))])
        #expect(throws: Errno.connectionReset) { try Peer.connect(to: stage.ports[0]).read() }
    }

    @Test("a reset goes on as a reset")
    func resets() throws {
        try withTCP { stage, guest in
            for isClient in [true, false] {
                var client: Peer? = try Peer.connect(to: stage.ports[0])
                var server: Peer? = try Peer.accept(guest)
                try client?.write([1])
                #expect(try server?.read() == [1])
                if isClient {
                    if let number = client?.socket.rawValue { InternetSocket.failOnClose(number) }
                    client = nil
                    #expect(throws: Errno.connectionReset) { try server?.read() }
                } else {
                    if let number = server?.socket.rawValue { InternetSocket.failOnClose(number) }
                    server = nil
                    #expect(throws: Errno.connectionReset) { try client?.read() }
                }
            }
        }
    }

    @Test("connections are bounded: the next one waits until one has ended")
    func limit() throws {
        ResourceLimit.raiseOpenFiles(to: 4096)
        try withTCP { stage, guest in
            var clients: [Peer] = []
            var servers: [Peer] = []
            for _ in 0..<StreamLimit.maximumConnections {
                clients.append(try Peer.connect(to: stage.ports[0]))
                servers.append(try Peer.accept(guest))
            }
            let waiting = try Peer.connect(to: stage.ports[0])
            #expect(!Peer.wait(guest.rawValue, .readable, seconds: 0.3))
            clients.removeLast()
            servers.removeLast()
            let served = try Peer.accept(guest)
            try served.write([9])
            #expect(try waiting.read() == [9])
        }
    }

    @Test("datagrams go to the guest and its answers back to each client, from the published port")
    func datagrams() throws {
        // Other suites of this process have sockets open too.
        let before = try FileTree.names(at: "/proc/self/fd").count
        let guest = Peer(try InternetSocket.datagrams(at: Peer.loopback()))
        let stage = try NetworkStage(forwards: [(.udp, try NetworkStage.address(of: guest.socket))])
        let clients = try (0..<300).map { _ in Peer(try InternetSocket.datagrams(at: Peer.loopback())) }
        var buffer = [UInt8](repeating: 0, count: 2000)
        for (number, client) in clients.enumerated() {
            for round in 0..<2 {
                let message = Array("\(number) \(round)".utf8)
                try InternetSocket.send(message, to: stage.ports[0], from: client.socket.rawValue)
                #expect(Peer.wait(guest.socket.rawValue, .readable, seconds: 10))
                let (count, sender) = try buffer.withUnsafeMutableBytes { bytes in
                    try InternetSocket.receive(from: guest.socket.rawValue, into: bytes)
                }
                #expect(Array(buffer.prefix(count)) == message)
                try InternetSocket.send(message + message, to: try #require(sender), from: guest.socket.rawValue)
                #expect(Peer.wait(client.socket.rawValue, .readable, seconds: 10))
                let (length, from) = try buffer.withUnsafeMutableBytes { bytes in
                    try InternetSocket.receive(from: client.socket.rawValue, into: bytes)
                }
                #expect(Array(buffer.prefix(length)) == message + message && from == stage.ports[0])
            }
        }
        // More clients than there may be sessions: the open sockets of this process say how many there are.
        let sockets = try FileTree.names(at: "/proc/self/fd").count
        #expect(sockets - before < 300 + DatagramSessions.maximumSessions + 20)
    }

    private func residentKiB() throws -> Int {
        let line = try File.readText("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }
}
