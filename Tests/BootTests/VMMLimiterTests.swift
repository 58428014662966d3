import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import SmartVM

/// The limits that smartvm-qemu applies itself, with a real guest and a clock.
@Suite("Rate limiters of smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct VMMLimiterTests {
    /// The device's file is there before the device.
    private static let untilEntropy = "until grep -q virtio /sys/class/misc/hw_random/rng_current; do sleep 0.1; done"

    private func withMachine(_ body: (VMMProgram) async throws -> Void) async throws {
        let machine = try await VMMProgram(arguments: ["--metrics-path", "metrics"])
        do {
            try await body(machine)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    /// The sum of a counter over all lines of the metrics.
    private func total(_ group: String, _ name: String, _ machine: VMMProgram) async throws -> UInt64 {
        try await machine.client.send(.performAction(.flushMetrics))
        var sum: UInt64 = 0
        for line in try File.readText("\(machine.directory)/metrics").split(separator: "\n") {
            guard case .object(let groups) = try JSONValue(decoding: Array(line.utf8)),
                case .object(let counters)? = groups[group], case .number(.unsigned(let value))? = counters[name]
            else { continue }
            sum += value
        }
        return sum
    }

    @Test(
        "the serial console's: what is over it is dropped and counted, the guest does not wait, what passes is in order"
    )
    func console() async throws {
        try await withMachine { machine in
            let path = "\(machine.directory)/serial"
            let limiter = TokenBucket(size: 3000, refillTime: 1000, oneTimeBurst: 20_000)
            try await machine.configure(serial: SerialConfig(serialOutPath: path, rateLimiter: limiter))
            _ = try await machine.shell("true")
            let start = ContinuousClock.now
            _ = try await machine.shell("seq 10000 29999 > /dev/ttyS0; sleep 1")
            let seconds = Double((ContinuousClock.now - start).components.seconds) + 5
            let printed = try await total("uart", "write_count", machine)
            let dropped = try await total("uart", "rate_limiter_dropped_bytes", machine)
            let text = try File.readText(path)
            // Bytes can be on their way between the counting and the reading.
            #expect(text.utf8.count >= Int(printed - dropped))
            #expect(printed >= 140_000 && dropped > 60_000, "\(printed) printed, \(dropped) dropped")
            #expect(text.utf8.count > 23_000)
            #expect(Double(text.utf8.count) < 23_000 + 3000 * (seconds + 60))
            let numbers = text.split(whereSeparator: \.isNewline).compactMap { $0.count == 5 ? Int($0) : nil }
            #expect(numbers.count > 100)
        }
    }

    @Test(
        "the entropy device's holds to some per cent, for bytes and for operations",
        arguments: [
            RateLimiter(bandwidth: TokenBucket(size: 1280, refillTime: 500)),
            RateLimiter(ops: TokenBucket(size: 20, refillTime: 500)),
        ])
    func entropy(limiter: RateLimiter) async throws {
        try await withMachine { machine in
            try await machine.configure(entropy: EntropyConfig(rateLimiter: limiter))
            _ = try await machine.shell(
                "until grep -q virtio /sys/class/misc/hw_random/rng_current; do sleep 0.1; done; sleep 2")
            // Linux asks for 64 bytes at a time: either limit is 40 requests a second.
            let output = try await machine.shell(
                "dd if=/dev/hwrng bs=64 count=30 of=/dev/null 2>/dev/null; cat /proc/uptime; "
                    + "dd if=/dev/hwrng bs=64 count=200 of=/dev/null 2>/dev/null; cat /proc/uptime")
            let times = output.split(separator: "\n").compactMap { Double($0.split(separator: " ")[0]) }
            try #require(times.count == 2, "\(output)")
            let rate = 200 / (times[1] - times[0])
            print("entropy: \(rate) requests a second of 40 allowed")
            // What has flowed in between the two reads, on a machine that is busy, is a full bucket at most.
            #expect(200 <= 40.0 * (times[1] - times[0]) * 1.03 + 20 && rate > 34, "\(rate)")
            #expect(try await total("entropy", "entropy_bytes", machine) >= 230 * 64)
            #expect(try await total("entropy", "entropy_rate_limiter_throttled", machine) > 10)
        }
    }

    @Test("a drive's counters are counted")
    func driveCounters() async throws {
        try await withMachine { machine in
            let path = "\(machine.directory)/data"
            try File.write([UInt8](repeating: 0x2e, count: 4 << 20), to: path)
            try await machine.configure(drives: [
                Drive(driveId: "data", isRootDevice: false, cacheType: .writeback, pathOnHost: path)
            ])
            _ = try await machine.shell(
                "dd if=/dev/vdb of=/dev/null bs=1M iflag=direct 2>/dev/null; "
                    + "dd if=/dev/zero of=/dev/vdb bs=64k count=16 conv=notrunc,fsync oflag=direct 2>/dev/null")
            try await machine.client.send(.patchDrive(DriveUpdate(driveId: "data", pathOnHost: path)))
            #expect(try await total("block_data", "read_bytes", machine) >= 4 << 20)
            #expect(try await total("block_data", "write_bytes", machine) == 1 << 20)
            #expect(try await total("block_data", "write_count", machine) >= 16)
            #expect(try await total("block_data", "flush_count", machine) >= 1)
            #expect(try await total("block_data", "update_count", machine) == 1)
            #expect(try await total("block", "read_bytes", machine) > 4 << 20)
        }
    }

    @Test("a drive's: bytes, operations, the burst, a change while it runs, and none")
    func drive() async throws {
        try await withMachine { machine in
            let path = "\(machine.directory)/data"
            try File.write([UInt8](repeating: 0x2e, count: 24 << 20), to: path)
            func limit(_ limiter: RateLimiter) async throws {
                try await machine.client.send(.patchDrive(DriveUpdate(driveId: "data", rateLimiter: limiter)))
            }
            /// Seconds for so many blocks, after some that use up what can be had at once.
            func read(_ count: Int, of size: String, after first: Int) async throws -> Double {
                let output = try await machine.shell(
                    "dd if=/dev/vdb of=/dev/null bs=\(size) count=\(first) iflag=direct 2>/dev/null; cat /proc/uptime; "
                        + "dd if=/dev/vdb of=/dev/null bs=\(size) count=\(count) iflag=direct 2>/dev/null; cat /proc/uptime"
                )
                let times = output.split(separator: "\n").compactMap { Double($0.split(separator: " ")[0]) }
                try #require(times.count == 2, "\(output)")
                return times[1] - times[0]
            }
            let bandwidth = TokenBucket(size: 400_000, refillTime: 100)
            try await machine.configure(drives: [
                Drive(
                    driveId: "data", isRootDevice: false, pathOnHost: path,
                    rateLimiter: RateLimiter(bandwidth: bandwidth))
            ])
            let bytes = 150 * 65536 / (try await read(150, of: "64k", after: 20))
            let none = TokenBucket(size: 0, refillTime: 0)
            try await limit(RateLimiter(bandwidth: none, ops: TokenBucket(size: 100, refillTime: 500)))
            let operations = 400 / (try await read(400, of: "4k", after: 250))
            try await limit(RateLimiter(ops: none))
            let unlimited = 300 * 65536 / (try await read(300, of: "64k", after: 1))
            try await limit(
                RateLimiter(bandwidth: TokenBucket(size: 400_000, refillTime: 100, oneTimeBurst: 12_000_000)))
            let burst = 150 * 65536 / (try await read(150, of: "64k", after: 1))
            let after = 100 * 65536 / (try await read(100, of: "64k", after: 60))
            print(
                "drive: \(bytes / 1e6) MB/s of 4, \(operations) operations of 200, unlimited \(unlimited / 1e6) MB/s, "
                    + "burst \(burst / 1e6), after it \(after / 1e6) of 4")
            #expect(bytes > 3.6e6 && bytes < 4.3e6)
            #expect(operations > 180 && operations < 215)
            #expect(unlimited > 12e6 && burst > 12e6)
            #expect(after > 3.6e6 && after < 4.6e6)
        }
    }

    @Test("what was left in a limiter is what a clone has")
    func levels() async throws {
        let directory = "/tmp/smartvm-\(uniqueName("levels"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        let original = try await VMMProgram(in: directory, name: "original")
        let clone = try await VMMProgram(in: directory, name: "clone")
        let drain = "timeout 3 dd if=/dev/hwrng bs=64 count=200 2>/dev/null | wc -c"
        func run() async throws {
            // Nothing comes back within the test.
            let limiter = RateLimiter(bandwidth: TokenBucket(size: 6400, refillTime: 3_600_000))
            try await original.configure(memoryMiB: 128, entropy: EntropyConfig(rateLimiter: limiter))
            _ = try await original.shell(
                "until grep -q virtio /sys/class/misc/hw_random/rng_current; do sleep 0.1; done")
            let taken = try await original.shell("dd if=/dev/hwrng bs=64 count=50 2>/dev/null | wc -c")
            #expect(taken == "3200\n")
            try await original.client.send(.setVMState(.paused))
            let (state, memory) = ("\(directory)/state", "\(directory)/memory")
            try await original.client.send(.createSnapshot(SnapshotCreate(snapshotPath: state, memFilePath: memory)))
            try await clone.client.send(
                .loadSnapshot(
                    SnapshotLoad(
                        snapshotPath: state, memBackend: MemoryBackend(backendPath: memory, backendType: .file),
                        resumeVm: true, vsockOverride: VsockOverride(udsPath: clone.vsockPath))))
            let text = try await clone.shell(drain)
            let left = try #require(Int(text.split(separator: "\n").first ?? ""))
            #expect(left > 0 && left <= 3200, "\(left)")
            try await original.client.send(.setVMState(.resumed))
            let rest = try await original.shell(drain)
            #expect(try #require(Int(rest.split(separator: "\n").first ?? "")) <= 3200)
        }
        do {
            try await run()
        } catch {
            for machine in [original, clone] { await machine.end() }
            try? FileTree.removeAll(directory)
            throw error
        }
        for machine in [original, clone] { await machine.end() }
        try? FileTree.removeAll(directory)
    }

    @Test("the boot timer tells when the guest has written to it")
    func bootTimer() async throws {
        let machine = try await VMMProgram(arguments: ["--boot-timer"])
        do {
            try await machine.configure()
            _ = try await machine.shell("busybox devmem 0xc0000000 16 123; busybox devmem 0xc0000000 8 123; sleep 0.3")
            let console = try File.readText("\(machine.directory)/vm.console")
            #expect(console.split(separator: "\n").filter { $0.contains("] Guest-boot-time = ") }.count == 1)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }
}
