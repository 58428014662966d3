import FirecrackerAPI
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("QEMU's monitor")
struct QMPClientTests {
    /// A client, and the other end of its socket, in which `script` already waits.
    private func client(_ script: String) throws -> (QMPClient, SharedDescriptor) {
        let pair = try SocketPair()
        let remote = SharedDescriptor(pair.second)
        try remote.descriptor.writeAll(Array(script.utf8))
        return (try QMPClient(pair.first), remote)
    }

    private static let greeting = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

    private func received(_ remote: SharedDescriptor) throws -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try bytes.withUnsafeMutableBytes { try remote.descriptor.read(into: $0) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    @Test("is opened, asked and understood")
    func session() throws {
        let (client, remote) = try client(
            Self.greeting + "{\"return\": {}, \"id\": 1}\r\n{\"return\": {\"actual\": 7}, \"id\": 2}\r\n")
        try client.open(timeout: .seconds(5))
        #expect(try client.execute("query-balloon")["actual"]?.unsigned == 7)
        #expect(
            try received(remote)
                == "{\"execute\":\"qmp_capabilities\",\"id\":1}\n{\"execute\":\"query-balloon\",\"id\":2}\n")
    }

    @Test("keeps events, and drops answers to earlier questions")
    func events() throws {
        let (client, remote) = try client(
            "{\"timestamp\": {}, \"event\": \"STOP\"}\r\n{\"return\": {}, \"id\": 0}\r\n{\"return\": 5, \"id\": 1}\r\n")
        #expect(try client.execute("stop").unsigned == 5)
        #expect(client.takeEvents() == [QMPEvent(name: "STOP", data: .null)])
        try remote.descriptor.writeAll(Array("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true}}\r\n".utf8))
        try client.receiveEvents()
        #expect(client.takeEvents().first?.data["guest"] == .bool(true))
        #expect(client.takeEvents().isEmpty)
    }

    @Test("a refusal, an end, silence and nonsense are told apart")
    func failures() throws {
        let (refused, refuser) = try client(
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 1}\r\n")
        #expect(throws: QMPError.refused(command: "x", description: "no")) { try refused.execute("x") }
        _ = refuser

        let pair = try SocketPair()
        let ended: QMPClient
        do {
            let remote = pair.second
            ended = try QMPClient(pair.first)
            _ = consume remote
        }
        #expect(throws: QMPError.closed) { try ended.execute("x") }

        let (silent, remote) = try client("")
        #expect(throws: QMPError.timedOut(command: "x")) { try silent.execute("x", timeout: .milliseconds(20)) }
        _ = remote

        let (mad, other) = try client("[1]\r\n")
        #expect(throws: QMPError.malformed("[1]")) { try mad.execute("x") }
        _ = other
    }

    @Test("takes a message in pieces")
    func pieces() throws {
        let (client, remote) = try client("{\"return\": ")
        #expect(throws: QMPError.timedOut(command: "a")) { try client.execute("a", timeout: .milliseconds(20)) }
        try remote.descriptor.writeAll(Array("1, \"id\": 1}\r\n{\"return\": 2, \"id\": 2}\r\n".utf8))
        #expect(try client.execute("b").unsigned == 2)
    }
}

@Suite("Where QEMU is")
struct QEMUBinaryTests {
    @Test("is a path that was given, or the first of its name in the search path")
    func found() throws {
        #expect(try QEMUBinary.locate("/bin/sh", searchPath: nil) == "/bin/sh")
        #expect(try QEMUBinary.locate("sh", searchPath: "/nowhere:/bin") == "/bin/sh")
    }

    @Test("is said to be missing, with the package that has it")
    func missing() {
        #expect(throws: MachineFault.self) { try QEMUBinary.locate("/nowhere/qemu", searchPath: nil) }
        do {
            _ = try QEMUBinary.locate(nil, searchPath: "/nowhere")
            Issue.record("found nowhere")
        } catch {
            #expect(error.description.contains("apt-get install qemu-system-x86"))
        }
    }
}
