import Glibc
import Linux
import Synchronization
import Testing

@testable import FirecrackerQEMU

@Suite("The socket device and snapshots")
struct VsockRestoreTests {
    typealias Bench = VsockDeviceTests.Bench
    typealias Client = VsockDeviceTests.Client

    private static let nextPort = VsockMuxer.firstHostPort + 7

    @Test("after a restore clients wait until the guest has answered, and ports go on where they were")
    func admission() throws {
        let bench = try Bench(nextHostPort: Self.nextPort, holdsClients: true)
        let client = Client(try UnixSocket.connect(to: bench.path, nonBlocking: true))
        try client.send(Array("CONNECT 5\n".utf8))
        try bench.turn()
        #expect(bench.driver.receivedPackets().isEmpty)

        bench.device.admitClients()
        try bench.turn()
        let question = try #require(bench.driver.receivedPackets().first?.header)
        #expect(question.operation == VsockHeader.Operation.request.rawValue)
        #expect(question.destinationPort == .max && question.sourcePort == .max)
        try bench.turn()
        #expect(bench.driver.receivedPackets().isEmpty)

        try bench.reply(question, .reset)
        try bench.turn()
        let packets = bench.driver.receivedPackets()
        #expect(packets.map(\.header.operation) == [VsockHeader.Operation.request.rawValue])
        #expect(packets.first?.header.destinationPort == 5)
        #expect(packets.first?.header.sourcePort == Self.nextPort)
        #expect(bench.control.nextHostPort.load(ordering: .relaxed) == Self.nextPort + 1)
    }

    @Test("a guest that never answers keeps clients for a while only")
    func silentGuest() throws {
        let bench = try Bench(nextHostPort: Self.nextPort, holdsClients: true)
        bench.device.admission = .asking(until: VsockDevice.now)
        let client = Client(try UnixSocket.connect(to: bench.path, nonBlocking: true))
        try client.send(Array("CONNECT 5\n".utf8))
        try bench.turn()
        #expect(bench.driver.receivedPackets().first?.header.destinationPort == 5)
    }

    @Test("a snapshot ends the connections of the original on both sides")
    func dropped() throws {
        let bench = try Bench(nextHostPort: Self.nextPort)
        let (client, request) = try bench.connect(5)
        try bench.reply(request, .response)
        #expect(try client.receive() == Array("OK \(Self.nextPort)\n".utf8))
        // Orders arrive by the loop's descriptor, which a bench without QEMU does not watch.
        bench.device.dropConnections()
        try bench.turn()
        #expect(bench.driver.receivedPackets().map(\.header.operation) == [VsockHeader.Operation.reset.rawValue])
        #expect(try client.receive() == nil)
        let (_, next) = try bench.connect(6)
        #expect(next.sourcePort == Self.nextPort + 1)
    }

    @Test("a port that no snapshot can hold begins anew")
    func ports() {
        #expect(VsockMuxer(nextHostPort: 5).nextHostPort == VsockMuxer.firstHostPort)
        #expect(VsockMuxer(nextHostPort: .max).nextHostPort == VsockMuxer.firstHostPort)
    }
}
