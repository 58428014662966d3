import Glibc
import Linux
import Testing

@testable import SmartVM

/// Traffic of a real guest through the network device of smartvm-qemu.
@Suite("Traffic through smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct NetworkTrafficTests {
    private static let setUp = """
        until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done
        ip addr add 172.31.99.2/24 dev eth0; ip link set eth0 up

        """

    private func withMachine(
        _ name: String = "vm", in directory: String? = nil, boots: Bool = true,
        _ body: (VMMProgram) async throws -> Void
    ) async throws {
        let machine = try await VMMProgram(in: directory, name: name)
        do {
            if boots { try await machine.configure(network: true, memoryMiB: 128) }
            try await body(machine)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    private func run(_ text: String, beside machine: VMMProgram, seconds: Int64 = 60) throws {
        let child = try machine.spawnBeside(text)
        let ended = child.waitForEnd(timeout: .seconds(seconds))
        if !ended { child.kill(SIGKILL) }
        let ending = try child.waitUntilExit()
        #expect(ended && ending == .exited(0), "\(text): \(ending)")
    }

    @Test("streams arrive whole in both directions, also over pauses")
    func contents() async throws {
        try await withMachine { machine in
            let mebibytes = 24
            let file = "\(machine.directory)/data"
            try run(
                "head -c \(mebibytes << 20) /dev/urandom >\(file); sha256sum <\(file) >\(file).sum", beside: machine)
            let sum = try File.readText("\(file).sum")
            // The guest sends back what it gets.
            _ = try await machine.shell(
                Self.setUp
                    + "mkfifo /tmp/back; setsid sh -c 'nc -l -p 9 </tmp/back | tee /tmp/back | sha256sum >/tmp/sum' >/dev/null 2>&1 &"
            )
            let echo = try machine.spawnBeside(
                """
                until exec 3<>/dev/tcp/172.31.99.2/9; do sleep 0.2; done
                cat \(file) >&3 & head -c \(mebibytes << 20) <&3 | sha256sum >\(file).back
                """)
            for _ in 0..<8 {
                try await Task.sleep(for: .milliseconds(150))
                try await machine.client.send(.setVMState(.paused))
                try await Task.sleep(for: .milliseconds(50))
                try await machine.client.send(.setVMState(.resumed))
            }
            let ended = echo.waitForEnd(timeout: .seconds(60))
            echo.kill(SIGKILL)
            _ = try echo.waitUntilExit()
            #expect(ended)
            #expect(try File.readText("\(file).back") == sum)
            let seen = try await machine.shell(
                "for i in $(seq 50); do [ -s /tmp/sum ] && break; sleep 0.1; done; cat /tmp/sum")
            #expect(seen == sum)
        }
    }

    /// Bytes that the TAP has got from the guest, or has given to it.
    private func count(_ machine: VMMProgram, fromGuest: Bool) throws -> Double {
        let lines = try File.readText("/proc/\(machine.child.pid)/net/dev").split(separator: "\n")
        let line = try #require(lines.first { $0.contains("svt0:") })
        let fields = line.split(whereSeparator: { $0 == " " || $0 == ":" })
        return try #require(Double(fields[fromGuest ? 1 : 9]))
    }

    /// Bytes a second.
    private func rate(_ machine: VMMProgram, fromGuest: Bool, over time: Duration) async throws -> Double {
        let clock = ContinuousClock()
        let (start, before) = (clock.now, try count(machine, fromGuest: fromGuest))
        try await clock.sleep(until: start + time)
        let after = try count(machine, fromGuest: fromGuest)
        let (seconds, attoseconds) = (clock.now - start).components
        return (after - before) / (Double(seconds) + Double(attoseconds) / 1e18)
    }

    @Test(
        "a limiter that is PATCHed to an interface which had none holds, and ends when it is taken back",
        arguments: [true, false])
    func limiter(fromGuest: Bool) async throws {
        try await withMachine { machine in
            func patch(_ size: UInt64, _ time: UInt64) async throws {
                let limiter = RateLimiter(bandwidth: TokenBucket(size: size, refillTime: time))
                try await machine.client.send(
                    .patchNetworkInterface(
                        NetworkInterfaceUpdate(
                            ifaceId: "eth0", rxRateLimiter: fromGuest ? nil : limiter,
                            txRateLimiter: fromGuest ? limiter : nil)))
            }
            let (input, output) = fromGuest ? ("/dev/zero", "/dev/null") : ("/dev/null", "/dev/null")
            _ = try await machine.shell(Self.setUp + "setsid nc -l -p 9 <\(input) >\(output) 2>&1 &")
            let stream = try machine.spawnBeside(
                fromGuest
                    ? "until cat </dev/tcp/172.31.99.2/9 >/dev/null; do sleep 0.2; done"
                    : "until cat /dev/zero >/dev/tcp/172.31.99.2/9; do sleep 0.2; done")
            defer {
                stream.kill(SIGKILL)
                _ = try? stream.waitUntilExit()
            }
            let start = try count(machine, fromGuest: fromGuest)
            #expect(try await eventually(seconds: 20) { try count(machine, fromGuest: fromGuest) > start + 10_000_000 })
            // Two megabytes a second; what came through at once is over after one.
            try await patch(1_000_000, 500)
            try await Task.sleep(for: .seconds(1))
            let limited = try await rate(machine, fromGuest: fromGuest, over: .seconds(4))
            #expect(limited > 1_800_000 && limited < 2_100_000, "\(limited)")
            try await patch(0, 0)
            // A stream that waited for a second may take one more to notice.
            var free = 0.0
            for _ in 0..<5 where free <= 3 * limited {
                free = try await rate(machine, fromGuest: fromGuest, over: .seconds(2))
            }
            #expect(free > 3 * limited, "\(free)")
        }
    }

    @Test("a clone on another TAP goes on, and the limiter with it")
    func clone() async throws {
        try await withDirectory { directory in
            try await withMachine("original", in: directory) { machine in
                #expect(try await machine.shell(Self.setUp + "ping -c 1 172.31.99.1").contains(" 0% packet loss"))
                let limiter = RateLimiter(ops: TokenBucket(size: 60, refillTime: 3_600_000))
                try await machine.client.send(
                    .patchNetworkInterface(NetworkInterfaceUpdate(ifaceId: "eth0", txRateLimiter: limiter)))
                let fits = try await machine.shell("ping -c 40 -i 0.1 172.31.99.1")
                #expect(fits.contains(" 0% packet loss"), "\(fits)")
                try await machine.client.send(.setVMState(.paused))
                try await machine.client.send(
                    .createSnapshot(
                        SnapshotCreate(snapshotPath: "\(directory)/state", memFilePath: "\(directory)/memory")))
            }
            try await withMachine("clone", in: directory, boots: false) { clone in
                try run(
                    "ip addr del 172.31.99.1/24 dev svt0 && ip tuntap add svt9 mode tap && ip link set svt9 up "
                        + "&& ip addr add 172.31.99.1/24 dev svt9", beside: clone)
                try await clone.client.send(
                    .loadSnapshot(
                        SnapshotLoad(
                            snapshotPath: "\(directory)/state",
                            memBackend: MemoryBackend(backendPath: "\(directory)/memory", backendType: .file),
                            resumeVm: true,
                            networkOverrides: [NetworkOverride(ifaceId: "eth0", hostDevName: "svt9")],
                            vsockOverride: VsockOverride(udsPath: clone.vsockPath))))
                // Of sixty frames forty and some are gone, and none comes back for long.
                let limited = try await clone.shell(
                    "ip neigh flush all; ping -c 30 -i 0.1 -W 1 172.31.99.1")
                #expect(!limited.contains(" 0% packet loss"), "\(limited)")
                let none = RateLimiter(ops: TokenBucket(size: 0, refillTime: 0))
                try await clone.client.send(
                    .patchNetworkInterface(NetworkInterfaceUpdate(ifaceId: "eth0", txRateLimiter: none)))
                let free = try await clone.shell("ip neigh flush all; ping -c 3 -W 1 172.31.99.1")
                #expect(free.contains(" 0% packet loss"), "\(free)")
            }
        }
    }

    @Test("a TAP that is deleted leaves a guest without a network, and nothing else")
    func tapGone() async throws {
        try await withMachine { machine in
            #expect(try await machine.shell(Self.setUp + "ping -c 1 172.31.99.1").contains(" 0% packet loss"))
            try run("ip link del svt0", beside: machine)
            #expect(try await machine.shell("ping -c 1 -W 1 172.31.99.1").contains("100% packet loss"))
            try await machine.client.send(.setVMState(.paused))
            try await machine.client.send(.setVMState(.resumed))
            #expect(try await machine.shell("echo on") == "on\n")
        }
    }
}
