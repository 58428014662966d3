import Glibc
import Linux
import SmartVM

/// A VMM without SmartVM: a process, and a loop over a blocking socket. What remains of a start when all else is taken away.
struct BareVMM {
    private let path: String

    init(_ path: String) {
        self.path = path
    }

    /// Starts a VMM, has it start a VM of this configuration, and ends it.
    ///
    /// - Returns: Milliseconds until InstanceStart was answered.
    func start(_ configuration: VMConfiguration) throws -> Double {
        let directory = "/tmp/smartvm-bench-\(getpid())"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer { try? FileTree.removeAll(directory) }
        let requests = try Self.requests(for: configuration, in: directory)
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var spawn = Spawn(path, arguments: [path, "--api-sock", "api.sock", "--id", "bench", "--log-path", "log"])
        spawn.environment = ["PATH=\(EnvironmentVariable.value("PATH") ?? "/usr/bin:/bin")"]
        spawn.workingDirectory = directory
        spawn.descriptors = [null.rawValue, null.rawValue, null.rawValue]
        spawn.newSession = true

        let start = ContinuousClock.now
        let child = try spawn.start().child
        defer {
            child.kill(SIGTERM)
            if !child.waitForEnd(timeout: .seconds(3)) { child.kill(SIGKILL) }
            _ = try? child.waitUntilExit()
        }
        let socket = try Self.connect("\(directory)/api.sock", child)
        for request in requests {
            try socket.writeAll(request)
            try Self.readAnswer(socket)
        }
        return (ContinuousClock.now - start).milliseconds
    }

    private static func connect(_ path: String, _ child: ChildProcess) throws -> Descriptor {
        while child.isRunning {
            if let socket = try? UnixSocket.connect(to: path) { return socket }
            usleep(200)
        }
        throw SmartVMError(.vmmFailed, "The VMM ended before it listened.")
    }

    private static func readAnswer(_ socket: borrowing Descriptor) throws {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !answer.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let count = try buffer.withUnsafeMutableBytes { try socket.read(into: $0) }
            guard count > 0 else { throw SmartVMError(.vmmFailed, "The VMM broke off.") }
            answer += buffer.prefix(count)
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 204") else { throw SmartVMError(.apiError, "The VMM answered: \(text)") }
    }

    /// The requests that make a VM of a configuration, as bytes.
    private static func requests(for configuration: VMConfiguration, in directory: String) throws -> [[UInt8]] {
        var requests: [APIRequest] = [
            .putMachineConfig(configuration.machineConfig), .putBootSource(configuration.bootSource),
        ]
        requests += configuration.drives.map { .putDrive($0) }
        requests += [.putVsock(VsockConfig(guestCid: 3, udsPath: "\(directory)/vsock.sock"))]
        requests += [.putEntropy(EntropyConfig()), .performAction(.instanceStart)]
        return try requests.map { request in
            let wire = try Endpoint.rendered(request)
            let body = wire.body ?? []
            let head = """
                \(wire.endpoint.method.rawValue) \(wire.path) HTTP/1.1\r
                Host: localhost\r
                Content-Type: application/json\r
                Content-Length: \(body.count)\r
                \r

                """
            return Array(head.utf8) + body
        }
    }
}
