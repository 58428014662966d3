import Glibc
import Linux
import Testing

@testable import SmartVM

/// What smartvm-qemu puts between a guest and its TAP, with a real guest.
@Suite("The network of smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct NetworkTests {
    private static let metadata = JSONValue(object: [
        (
            "latest",
            JSONValue(object: [("id", .string("i-7")), ("text", .string(String(repeating: "x", count: 30_000)))])
        )
    ])

    /// Brings the guest's interface up, so that it reaches the host and the metadata service.
    private static let setUp = """
        until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done
        ip addr add 172.31.99.2/24 dev eth0; ip link set eth0 up; ip route add 169.254.169.254 dev eth0

        """

    private func withMachine(
        _ interfaces: [NetworkInterface], metadata config: MMDSConfig? = nil, _ body: (VMMProgram) async throws -> Void
    ) async throws {
        let machine = try await VMMProgram()
        do {
            for interface in interfaces { try await machine.client.send(.putNetworkInterface(interface)) }
            if let config {
                try await machine.client.send(.putMMDSConfig(config))
                try await machine.client.send(.putMMDS(Self.metadata))
            }
            try await machine.configure(memoryMiB: 128)
            try await body(machine)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    private static func interface(_ id: String, _ tap: String, _ address: Int) -> NetworkInterface {
        NetworkInterface(ifaceId: id, hostDevName: tap, guestMac: "02:00:00:00:00:0\(address)")
    }

    @Test("a guest gets a token and its metadata while it talks to the host; by another interface it does not")
    func metadata() async throws {
        let interfaces = [Self.interface("eth0", "svt0", 7), Self.interface("eth1", "svt1", 8)]
        try await withMachine(interfaces, metadata: MMDSConfig(networkInterfaces: ["eth0"], version: .v2)) { machine in
            let output = try await machine.shell(
                Self.setUp + #"""
                    ping -c 20 -i 0.1 172.31.99.1 >/tmp/ping &
                    echo refused: $(wget -q -O - http://169.254.169.254/latest/id 2>&1)
                    printf 'PUT /latest/api/token HTTP/1.1\r\nX-metadata-token-ttl-seconds: 60\r\n\r\n' |
                        nc 169.254.169.254 80 >/tmp/answer
                    token=$(tail -n 1 /tmp/answer)
                    get() { wget -q -O - --header "X-metadata-token: $token" "$@"; }
                    echo id: $(get http://169.254.169.254/latest/id)
                    echo json: $(get --header 'Accept: application/json' http://169.254.169.254/latest/id)
                    for i in 1 2 3 4 5; do get http://169.254.169.254/latest/text | wc -c; done
                    wait
                    tail -n 2 /tmp/ping
                    """#)
            #expect(output.contains("refused: wget: server returned error: HTTP/1.1 401"), "\(output)")
            #expect(output.contains("id: i-7\njson: \"i-7\"\n30000\n30000\n30000\n30000\n30000\n"), "\(output)")
            #expect(output.contains("20 packets transmitted, 20 packets received"), "\(output)")

            // What is put while the guest runs is what it gets.
            try await machine.client.send(.putMMDS(JSONValue(object: [("new", .string("later"))])))
            #expect(
                try await machine.shell(
                    #"wget -q -O - --header "X-metadata-token: $(tail -n 1 /tmp/answer)" http://169.254.169.254/new"#)
                    == "later")
            let other = try await machine.shell(
                "ip route del 169.254.169.254; ip link set eth1 up; ip addr add 172.31.98.2/24 dev eth1; "
                    + "ip route add 169.254.169.254 dev eth1; wget -q -O - http://169.254.169.254/ 2>&1; echo $?")
            #expect(other.contains("can't connect") && other.hasSuffix("1\n"), "\(other)")
        }
    }

    /// What the TAP has got from the guest, in bytes.
    private func sentBytes(_ machine: VMMProgram) throws -> Int {
        let lines = try File.readText("/proc/\(machine.child.pid)/net/dev").split(separator: "\n")
        let line = try #require(lines.first { $0.contains("svt0:") })
        return try #require(
            line.split(whereSeparator: { $0 == " " || $0 == ":" }).dropFirst().first.flatMap { Int($0) })
    }

    /// Bytes a second, over two seconds.
    private func rate(_ machine: VMMProgram) async throws -> Double {
        let clock = ContinuousClock()
        let (start, before) = (clock.now, try sentBytes(machine))
        try await clock.sleep(until: start + .seconds(2))
        let after = try sentBytes(machine)
        return Double(after - before) / (clock.now - start).inSeconds
    }

    @Test("a guest sends as fast as its limiter says, and as fast as it can when that is taken back")
    func limiter() async throws {
        var interface = Self.interface("eth0", "svt0", 7)
        interface.txRateLimiter = RateLimiter(bandwidth: TokenBucket(size: 125_000, refillTime: 500))
        try await withMachine([interface]) { machine in
            _ = try await machine.shell(Self.setUp + "setsid nc -l -p 9 </dev/zero >/dev/null 2>&1 &")
            let reader = try machine.spawnBeside("until cat </dev/tcp/172.31.99.2/9 >/dev/null; do sleep 0.2; done")
            defer {
                reader.kill(SIGKILL)
                _ = try? reader.waitUntilExit()
            }
            let start = try sentBytes(machine)
            #expect(try await eventually { try sentBytes(machine) > start + 200_000 })
            let limited = try await rate(machine)
            #expect(limited > 175_000 && limited < 325_000, "\(limited)")
            try await machine.client.send(
                .patchNetworkInterface(
                    NetworkInterfaceUpdate(
                        ifaceId: "eth0", txRateLimiter: RateLimiter(bandwidth: TokenBucket(size: 0, refillTime: 0)))))
            let free = try await rate(machine)
            #expect(free > 2 * limited, "\(free)")
        }
    }

    @Test("after a restore the guest finds the metadata of the new process, and its token is none")
    func restore() async throws {
        let directory = "/tmp/smartvm-\(uniqueName("net"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        let original = try await VMMProgram(in: directory, name: "original")
        let clone = try await VMMProgram(in: directory, name: "clone")
        func end() async {
            for machine in [original, clone] { await machine.end() }
            try? FileTree.removeAll(directory)
        }
        do {
            try await original.client.send(.putNetworkInterface(Self.interface("eth0", "svt0", 7)))
            try await original.client.send(.putMMDSConfig(MMDSConfig(networkInterfaces: ["eth0"], version: .v2)))
            try await original.client.send(.putMMDS(Self.metadata))
            try await original.configure(memoryMiB: 128)
            let ask = #"printf 'PUT /latest/api/token HTTP/1.1\r\nX-metadata-token-ttl-seconds: 600\r\n\r\n'"#
            let get =
                #"wget -q -O - --header "X-metadata-token: $(tail -n 1 /tmp/token)" http://169.254.169.254/latest/id 2>&1"#
            let first = try await original.shell(
                Self.setUp + "\(ask) | nc 169.254.169.254 80 >/tmp/token; \(get)")
            #expect(first == "i-7")
            try await original.client.send(.setVMState(.paused))
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: "\(directory)/state", memFilePath: "\(directory)/memory")))
            try await clone.client.send(
                .putMMDS(JSONValue(object: [("latest", JSONValue(object: [("id", .string("i-8"))]))])))
            try await clone.client.send(
                .loadSnapshot(
                    SnapshotLoad(
                        snapshotPath: "\(directory)/state",
                        memBackend: MemoryBackend(backendPath: "\(directory)/memory", backendType: .file),
                        resumeVm: true,
                        vsockOverride: VsockOverride(udsPath: clone.vsockPath))))
            #expect(try await clone.shell(get).contains("401"))
            let second = try await clone.shell(
                "\(ask) | nc 169.254.169.254 80 >/tmp/token; \(get); ping -c 2 172.31.99.1")
            #expect(second.contains("i-8") && second.contains(" 0% packet loss"), "\(second)")
        } catch {
            await end()
            throw error
        }
        await end()
    }
}

extension JSONValue {
    fileprivate init(object members: [(String, JSONValue)]) {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        self = .object(object)
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
