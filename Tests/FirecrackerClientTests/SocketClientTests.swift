import FirecrackerAPI
import FirecrackerClient
import Testing

@Suite("The client of the API")
struct SocketClientTests {
    private static let head = "Server: Firecracker API\r\nConnection: keep-alive\r\n"
    private static let done = "HTTP/1.1 204 \r\n\(head)\r\n"

    private static func answer(_ status: Int, _ body: String) -> String {
        "HTTP/1.1 \(status) \r\n\(head)Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func error(_ body: () async throws -> Void) async -> SmartVMError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? SmartVMError
        }
    }

    @Test("A request says where it goes, what it is and how long")
    func requestBytes() async throws {
        try await StubServer { _, _ in .send(Self.done) }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let answer = try await client.send(.putMachineConfig(MachineConfig(vcpuCount: 2, memSizeMib: 64)))
            #expect(answer == .done)
            try await client.send(.stopBalloonHinting)
            try await client.send(.deleteDrive(id: "d1"))
            await client.close()
            let body =
                #"{"vcpu_count":2,"mem_size_mib":64,"smt":false,"track_dirty_pages":false}"#
            #expect(
                server.requests[0]
                    == "PUT /machine-config HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
                    + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(
                server.requests[1]
                    == "PATCH /balloon/hinting/stop HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
                    + "Content-Length: 0\r\n\r\n")
            #expect(server.requests[2].hasPrefix("DELETE /drives/d1 HTTP/1.1\r\n"))
        }
    }

    @Test("All requests of a client share one connection, which close() closes")
    func oneConnection() async throws {
        try await StubServer { _, _ in .send(Self.answer(200, #"{"firecracker_version":"1.16.1"}"#)) }.serving {
            server in
            let client = SocketClient(socketPath: server.path)
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        let version = try await client.version()
                        #expect(version == "1.16.1")
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connections == 1)
            #expect(server.closed == 0)
            await client.close()
            while server.closed == 0 { try await Task.sleep(for: .milliseconds(1)) }
            let error = await error { _ = try await client.version() }
            #expect(error?.code == .noClient)
        }
    }

    @Test("An answer in pieces, with members of a newer version, is read")
    func tolerance() async throws {
        let text = Self.answer(
            200, #"{"id":"x","state":"Running","vmm_version":"2.0.0","app_name":"Firecracker","new":[1]}"#)
        try await StubServer { _, _ in .sendInPieces(String(text.prefix(60)), String(text.dropFirst(60))) }
            .serving { server in
                let info = try await SocketClient(socketPath: server.path).instanceInfo()
                #expect(info == InstanceInfo(id: "x", state: .running, vmmVersion: "2.0.0", appName: "Firecracker"))
            }
    }

    @Test(
        "A refusal carries endpoint, status and words, in either of the two shapes",
        arguments: [
            (400, #"{"fault_message":"The \"kernel\" is missing"}"#, #"The "kernel" is missing"#),
            (413, #"{"fault_message":"too much"}"#, "too much"),
            (
                400, "{ \"error\": \"Invalid request.\nAll previous unanswered requests will be dropped.\" }",
                "Invalid request. All previous unanswered requests will be dropped."
            ),
            (503, #"{ "error": "Too many open connections" }"#, "Too many open connections"),
            (500, "nonsense", "nonsense"), (400, "", ""),
        ])
    func refusals(status: Int, body: String, message: String) async throws {
        try await StubServer { _, _ in .send(Self.answer(status, body)) }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let error = await error { try await client.start() }
            #expect(error?.code == .apiError)
            #expect(error?.fault == SmartVMError.Fault(endpoint: "PUT /actions", status: status, message: message))
        }
    }

    @Test("An answer that is something else is an error, not a crash", arguments: ["", "[]", "{", "null"])
    func nonsense(body: String) async throws {
        try await StubServer { _, _ in .send(Self.answer(200, body)) }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let error = await error { _ = try await client.machineConfig() }
            #expect(error?.code == .apiError)
            #expect(error?.fault?.status == 200)
        }
    }

    @Test("Bytes that are no HTTP are an error")
    func garbage() async throws {
        try await StubServer { _, _ in .send("no HTTP at all\r\n\r\n") }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let error = await error { try await client.start() }
            #expect(error?.code == .socketError)
        }
    }

    @Test("A missing socket is an error at once, and names the path")
    func missingSocket() async {
        let start = ContinuousClock.now
        let error = await error { try await SocketClient(socketPath: "/tmp/no-such-smartvm.sock").start() }
        #expect(error?.code == .socketError)
        #expect(error?.message.contains("/tmp/no-such-smartvm.sock cannot be reached: it does not exist") == true)
        #expect(start.duration(to: .now) < .seconds(1))
    }

    @Test("A socket that nobody listens on is an error at once")
    func deadSocket() async throws {
        let server = try StubServer { _, _ in .silence }
        let path = server.path
        try await server.serving { _ in }
        let error = await error { try await SocketClient(socketPath: path).start() }
        #expect(error?.code == .socketError)
        #expect(error?.message.contains("nothing listens on it") == true)
    }

    @Test("A path that no Unix socket can have is refused with its length")
    func longPath() async {
        let path = "/" + String(repeating: "x", count: 107)
        let error = await error { try await SocketClient(socketPath: path).start() }
        #expect(error?.code == .socketError)
        #expect(error?.message.contains("108 bytes") == true)
    }

    @Test("An answer that does not come is a timeout, and the next request gets a connection of its own")
    func timeout() async throws {
        try await StubServer { _, index in index == 0 ? .silence : .send(Self.done) }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let error = await error {
                try await client.send(.performAction(.instanceStart), timeout: .milliseconds(50))
            }
            #expect(error?.code == .timeout)
            #expect(error?.message.contains("PUT /actions") == true)
            try await client.start()
            #expect(server.connections == 2)
        }
    }

    @Test("A VMM that breaks off fails the request, and a new one is reached again")
    func breakingOff() async throws {
        try await StubServer { _, index in index == 0 ? .close : .send(Self.done) }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let error = await error { try await client.start() }
            #expect(error?.code == .socketError)
            #expect(error?.message.contains("broke off before it answered PUT /actions") == true)
            try await client.start()
            #expect(server.connections == 2)
        }
    }

    @Test("A cancelled request ends at once, and the client goes on")
    func cancellation() async throws {
        try await StubServer { _, index in index == 0 ? .silence : .send(Self.done) }.serving { server in
            let client = SocketClient(socketPath: server.path)
            let task = Task { try await client.start() }
            while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await client.start()
        }
    }

    @Test("An id that cannot be one is refused before anything is sent")
    func badIdentifier() async {
        let client = SocketClient(socketPath: "/tmp/no-such-smartvm.sock")
        let error = await error { try await client.send(.deleteDrive(id: "a/../b")) }
        #expect(error?.code == .invalidConfiguration)
    }
}
