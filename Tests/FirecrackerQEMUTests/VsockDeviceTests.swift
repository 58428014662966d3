import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

/// The device between a driver in this process's memory and real Unix sockets; no QEMU.
@Suite("The socket device")
struct VsockDeviceTests {
    final class Bench {
        let driver = TestDriver(queueSize: 256)
        let device: VsockDevice
        let folder: String
        let path: String
        private let listener: Linux.Descriptor

        let control: VsockControl

        init(
            receiveBuffers: Int = 100, nextHostPort: UInt32 = VsockMuxer.firstHostPort, holdsClients: Bool = false
        ) throws {
            SignalMask.ignoreBrokenPipe()
            var template = Array("/tmp/vsock-test-XXXXXX".utf8CString)
            folder = template.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
            }
            path = folder + "/v"
            listener = try UnixSocket.listen(at: path)
            control = try VsockControl(nextHostPort: nextHostPort, holdsClients: holdsClients)
            device = try VsockDevice(
                VsockDevice.Configuration(
                    process: try ChildProcess(adopting: ownProcessID), inbox: try VhostInbox(.nothing()),
                    listener: listener.rawValue, path: path, control: control))
            device.regions = driver.table
            device.receive = try driver.queue(.toDriver, driver.receive)
            device.transmit = try driver.queue(.fromDriver, driver.transmit)
            device.isRunning = true
            device.listenForClients(true)
            driver.offerReceiveBuffers(receiveBuffers)
        }

        deinit {
            for name in ["v", "v_9", "v_10"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }

        /// Lets the device do what there is to do.
        func turn() throws {
            device.mustTransmit = true
            for _ in 0..<6 { _ = try device.turn(waits: false) }
        }

        /// A non-blocking client of the host, connected to a port of the guest; the guest has got the request.
        func connect(_ port: UInt32) throws -> (Client, VsockHeader) {
            let client = Client(try UnixSocket.connect(to: path, nonBlocking: true))
            try client.send(Array("CONNECT \(port)\n".utf8))
            try turn()
            let request = try #require(driver.receivedPackets().first?.header)
            return (client, request)
        }

        func reply(
            _ header: VsockHeader, _ operation: VsockHeader.Operation, _ payload: [UInt8] = [], flags: UInt32 = 0
        ) throws {
            var answer = VsockHeader(
                sourceCID: 3, destinationCID: 2, sourcePort: header.destinationPort,
                destinationPort: header.sourcePort, operation: operation)
            answer.length = UInt32(payload.count)
            answer.flags = flags
            answer.bufferSize = 1 << 18
            driver.send(answer, payload)
            try turn()
        }
    }

    final class Client {
        let socket: Linux.Descriptor

        init(_ socket: consuming Linux.Descriptor) { self.socket = socket }

        func send(_ bytes: [UInt8]) throws { try socket.writeAll(bytes) }

        /// What is there; nil at the end.
        func receive() throws -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            do {
                let count = try bytes.withUnsafeMutableBytes { try socket.read(into: $0) }
                return count == 0 ? nil : Array(bytes[..<count])
            } catch let error as Errno where error == .wouldBlock {
                return []
            }
        }
    }

    @Test("carries a connection of the host's from CONNECT to the end")
    func hostInitiated() throws {
        let bench = try Bench()
        let (client, request) = try bench.connect(52)
        #expect(request.operation == VsockHeader.Operation.request.rawValue)
        #expect(request.destinationPort == 52 && request.sourcePort == VsockMuxer.firstHostPort)
        #expect(try client.receive() == [])
        try bench.reply(request, .response)
        #expect(try client.receive() == Array("OK \(request.sourcePort)\n".utf8))

        try client.send(Array("to the guest".utf8))
        try bench.turn()
        let packets = bench.driver.receivedPackets()
        #expect(packets.map(\.payload) == [Array("to the guest".utf8)])
        try bench.reply(request, .data, Array("to the host".utf8))
        #expect(try client.receive() == Array("to the host".utf8))

        shutdown(client.socket.rawValue, Int32(SHUT_WR))
        try bench.turn()
        let end = try #require(bench.driver.receivedPackets().first?.header)
        #expect(end.operation == VsockHeader.Operation.shutdown.rawValue && end.flags == 3)
        try bench.reply(request, .reset)
        #expect(try client.receive() == nil)
        #expect(bench.device.endpoints.isEmpty && bench.device.muxer.count == 0)

        let counts = Dictionary(uniqueKeysWithValues: bench.control.counters.takeCounts().map { ($0.name, $0.value) })
        #expect(counts["conns_added"] == 1 && counts["conns_removed"] == 1 && counts["conns_killed"] == nil)
        #expect(counts["rx_bytes_count"] == 12 && counts["tx_bytes_count"] == 11)
        #expect(bench.control.counters.takeCounts().isEmpty)
    }

    @Test("what follows the CONNECT line at once is the first data")
    func eagerClient() throws {
        let bench = try Bench()
        let client = Client(try UnixSocket.connect(to: bench.path, nonBlocking: true))
        try client.send(Array("CONNECT 52\nearly".utf8))
        try bench.turn()
        let request = try #require(bench.driver.receivedPackets().first?.header)
        try bench.reply(request, .response)
        #expect(bench.driver.receivedPackets().map(\.payload) == [Array("early".utf8)])
    }

    @Test("closes a client whose line is malformed or whose guest refuses")
    func refusals() throws {
        let bench = try Bench()
        let bad = Client(try UnixSocket.connect(to: bench.path, nonBlocking: true))
        try bad.send(Array("HELLO 52\n".utf8))
        try bench.turn()
        #expect(try bad.receive() == nil)
        let (client, request) = try bench.connect(52)
        try bench.reply(request, .reset)
        #expect(try client.receive() == nil)
        #expect(bench.device.endpoints.isEmpty)
    }

    private func guestConnects(_ bench: Bench, port: UInt32) throws {
        var header = VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: 1234, destinationPort: port, operation: .request)
        header.bufferSize = 1 << 18
        bench.driver.send(header)
        try bench.turn()
    }

    @Test("takes a connection of the guest's to the host's socket of that port, or resets it")
    func guestInitiated() throws {
        let bench = try Bench()
        try guestConnects(bench, port: 9)
        #expect(bench.driver.receivedPackets().first?.header.operation == VsockHeader.Operation.reset.rawValue)

        let listener = try UnixSocket.listen(at: bench.path + "_9")
        try guestConnects(bench, port: 9)
        let response = try #require(bench.driver.receivedPackets().first?.header)
        #expect(response.operation == VsockHeader.Operation.response.rawValue && response.sourcePort == 9)
        let host = Client(try UnixSocket.accept(listener.rawValue))
        try bench.reply(response, .data, [1, 2, 3])
        #expect(try host.receive() == [1, 2, 3])
        // The guest closes: the host gets what is left and the end, the guest a reset.
        try bench.reply(response, .data, [4])
        try bench.reply(response, .shutdown, flags: 3)
        #expect(try host.receive() == [4])
        #expect(try host.receive() == nil)
        #expect(bench.driver.receivedPackets().map(\.header.operation).contains(VsockHeader.Operation.reset.rawValue))
    }

    @Test("keeps what a host's socket does not take, within the credit, and loses none of it")
    func slowHost() throws {
        let bench = try Bench()
        let (client, request) = try bench.connect(52)
        try bench.reply(request, .response)
        _ = try client.receive()
        // More than the socket takes, as much as was promised.
        var sent: [UInt8] = []
        let promised = Int(request.bufferSize)
        while sent.count < promised {
            let piece = (0..<min(60_000, promised - sent.count)).map {
                UInt8(truncatingIfNeeded: ($0 + sent.count) / 7)
            }
            sent += piece
            try bench.reply(request, .data, piece)
        }
        try bench.reply(request, .shutdown, flags: 3)
        var received: [UInt8] = []
        var turns = 0
        while let piece = try client.receive(), turns < 1000 {
            received += piece
            try bench.turn()
            turns += 1
        }
        #expect(received == sent)
        #expect(bench.device.endpoints.isEmpty)
    }

    @Test("resets a guest that sends more than it may")
    func overrun() throws {
        let bench = try Bench()
        let (client, request) = try bench.connect(52)
        try bench.reply(request, .response)
        for _ in 0..<40 where !bench.device.endpoints.isEmpty {
            try bench.reply(request, .data, [UInt8](repeating: 1, count: 60_000))
        }
        #expect(bench.device.endpoints.isEmpty)
        _ = client
        #expect(bench.driver.receivedPackets().map(\.header.operation).contains(VsockHeader.Operation.reset.rawValue))
    }

    @Test("reads no more from the host than the guest has room for")
    func slowGuest() throws {
        let bench = try Bench()
        let (client, request) = try bench.connect(52)
        var answer = VsockHeader(
            sourceCID: 3, destinationCID: 2, sourcePort: 52, destinationPort: request.sourcePort, operation: .response)
        answer.bufferSize = 5000
        bench.driver.send(answer)
        try bench.turn()
        try client.send([UInt8](repeating: 7, count: 20_000))
        try bench.turn()
        #expect(bench.driver.receivedPackets().reduce(0) { $0 + $1.payload.count } == 5000)
        answer.operation = VsockHeader.Operation.creditUpdate.rawValue
        answer.forwarded = 4000
        bench.driver.send(answer)
        try bench.turn()
        #expect(bench.driver.receivedPackets().reduce(0) { $0 + $1.payload.count } == 4000)
    }

    @Test("waits for buffers of the guest, and asks it to notify then")
    func noBuffers() throws {
        let bench = try Bench(receiveBuffers: 10)
        func isSilent() -> Bool { bench.driver.get(bench.driver.receive.offset + 0x6000, as: UInt16.self) == 1 }
        let (client, request) = try bench.connect(52)
        #expect(isSilent())
        try bench.reply(request, .response)
        try client.send([UInt8](repeating: 7, count: 150_000))
        try bench.turn()
        // The request took the tenth.
        #expect(bench.driver.receivedPackets().reduce(0) { $0 + $1.payload.count } == 9 * 4096)
        #expect(!isSilent())
        bench.driver.offerReceiveBuffers(100)
        try bench.turn()
        #expect(bench.driver.receivedPackets().reduce(0) { $0 + $1.payload.count } == 150_000 - 9 * 4096)
        #expect(isSilent())
    }

    @Test("a broken ring ends the connections, and the device lives on")
    func brokenRing() throws {
        let bench = try Bench()
        let (client, request) = try bench.connect(52)
        try bench.reply(request, .response)
        _ = try client.receive()
        bench.driver.put(UInt16(9999), bench.driver.transmit.offset + 0x4002)
        try bench.turn()
        #expect(bench.device.isBroken)
        #expect(try client.receive() == nil)
    }

    @Test("no bytes of the guest's harm it")
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        let deadline = ContinuousClock.now + Fuzzing.time
        while ContinuousClock.now < deadline {
            let bench = try Bench()
            let listener = try UnixSocket.listen(at: bench.path + "_9")
            let (client, request) = try bench.connect(52)
            try bench.reply(request, .response)
            try client.send([1, 2, 3])
            for _ in 0..<40 where !bench.device.isBroken {
                var header = VsockHeader(
                    sourceCID: 3, destinationCID: .random(in: 1...3, using: &generator),
                    sourcePort: [52, 1234, .random(in: 0...9)].randomElement() ?? 0,
                    destinationPort: [request.sourcePort, 9, 10].randomElement() ?? 0, operation: .data)
                header.operation = .random(in: 0...8, using: &generator)
                header.type = Bool.random() ? 1 : .random(in: 0...2, using: &generator)
                header.flags = .random(in: 0...4, using: &generator)
                header.length = [0, 10, 100, .random(in: .min ... .max, using: &generator)].randomElement() ?? 0
                header.bufferSize = .random(in: .min ... .max, using: &generator)
                header.forwarded = .random(in: 0...100, using: &generator)
                bench.driver.send(
                    header, [UInt8](repeating: 5, count: .random(in: 0...200, using: &generator)), indirect: .random())
                if Int.random(in: 0..<30, using: &generator) == 0 {
                    let ring = bench.driver.transmit.offset
                    bench.driver.put(
                        UInt64.random(in: .min ... .max, using: &generator),
                        ring + .random(in: 0..<4000, using: &generator))
                }
                try bench.turn()
                bench.driver.offerReceiveBuffers(2, payload: .random(in: 1...300, using: &generator))
                _ = bench.driver.receivedPackets()
            }
            #expect(bench.device.endpoints.count <= VsockMuxer.maximumConnections)
            _ = (client, listener.rawValue)
        }
    }
}

extension SharedDescriptor {
    /// A listener that nothing arrives at.
    static func nothing() throws -> SharedDescriptor {
        SharedDescriptor(try EventCounter().descriptor.duplicate())
    }
}
