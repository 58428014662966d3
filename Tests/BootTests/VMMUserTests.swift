import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import SmartVM

/// `--qemu-user`: QEMU without any privilege, under a smartvm-qemu of root's.
@Suite("QEMU as another user", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct VMMUserTests {
    private static let arguments = ["--qemu-user", "nobody", "--metrics-path"]

    private func status(_ pid: Int32) throws -> [String: String] {
        var result: [String: String] = [:]
        for line in try File.readText("/proc/\(pid)/status").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 {
                result[String(parts[0])] = parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " ")
            }
        }
        return result
    }

    private func checkConfinement(_ machine: VMMProgram) throws {
        let status = try status(machine.qemu().pid)
        #expect(status["Uid"] == "65534 65534 65534 65534" && status["Gid"] == "65534 65534 65534 65534")
        #expect(status["Groups"] == "" || status["Groups"] == nil)
        #expect(status["CapEff"] == "0000000000000000" && status["CapPrm"] == "0000000000000000")
        #expect(status["NoNewPrivs"] == "1" && status["Seccomp"] == "2")
        // QEMU's own, and the one that lets this program play the vsock device.
        #expect(status["Seccomp_filters"] == "2" || status["Seccomp_filters"] == nil)
    }

    @Test("the guest, its drives, network and vsock work, and snapshots of it; QEMU has no rights at all")
    func nobody() async throws {
        let directory = "/tmp/smartvm-\(uniqueName("user"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        var machines: [VMMProgram] = []
        func machine(_ name: String) async throws -> VMMProgram {
            let machine = try await VMMProgram(
                in: directory, name: name, arguments: Self.arguments + ["\(name).metrics"])
            machines.append(machine)
            return machine
        }
        func run() async throws {
            let (disk, other, kernel) = ("\(directory)/disk", "\(directory)/other", "\(directory)/kernel")
            // Nobody but root may read any of them.
            for path in [disk, other] {
                try File.write([UInt8](repeating: 0x2e, count: 1 << 20), to: path, mode: 0o600)
            }
            let original = try await machine("original")
            try File.write(try File.read(original.image.kernelImagePath, limit: 256 << 20), to: kernel, mode: 0o600)
            let limiter = RateLimiter(bandwidth: TokenBucket(size: 1 << 20, refillTime: 100))
            try await original.configure(
                drives: [Drive(driveId: "data", isRootDevice: false, pathOnHost: disk)], network: true, memoryMiB: 128,
                kernel: kernel, entropy: EntropyConfig(rateLimiter: limiter))
            try checkConfinement(original)
            let output = try await original.shell(
                "echo kept > /tmp/note; printf one | dd of=/dev/vdb conv=notrunc 2>/dev/null; sync; "
                    + "until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done; ip addr add 172.31.99.2/24 dev eth0; "
                    + "ip link set eth0 up; ping -c 2 172.31.99.1; "
                    + "until grep -q virtio /sys/class/misc/hw_random/rng_current; do sleep 0.1; done; dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c"
            )
            #expect(output.contains(" 0% packet loss") && output.contains("256"), "\(output)")
            try await original.client.send(.patchDrive(DriveUpdate(driveId: "data", pathOnHost: other)))
            _ = try await original.shell("printf two | dd of=/dev/vdb conv=notrunc 2>/dev/null; sync")
            #expect(String(decoding: try File.read(disk).prefix(4), as: UTF8.self) == "one.")
            #expect(String(decoding: try File.read(other).prefix(4), as: UTF8.self) == "two.")
            try await original.client.send(.setVMState(.paused))
            let (state, memory) = ("\(directory)/state", "\(directory)/memory")
            try await original.client.send(.createSnapshot(SnapshotCreate(snapshotPath: state, memFilePath: memory)))
            #expect(try FileStatus(of: memory).owner == 65534)
            await original.end()
            let clone = try await machine("clone")
            try await clone.client.send(
                .loadSnapshot(
                    SnapshotLoad(
                        snapshotPath: state, memBackend: MemoryBackend(backendPath: memory, backendType: .file),
                        resumeVm: true, vsockOverride: VsockOverride(udsPath: clone.vsockPath))))
            try checkConfinement(clone)
            #expect(try await clone.shell("cat /tmp/note; head -c 4 /dev/vdb") == "kept\ntwo.")
            // Again from the private mapping, and refused where the memory is somebody else's.
            try await clone.client.send(.setVMState(.paused))
            let second = "\(directory)/second"
            try await clone.client.send(.createSnapshot(SnapshotCreate(snapshotPath: state, memFilePath: second)))
            chown(second, 0, 0)
            let refused = try await machine("refused")
            let error = await #expect(throws: SmartVMError.self) {
                try await refused.client.send(
                    .loadSnapshot(
                        SnapshotLoad(
                            snapshotPath: state, memBackend: MemoryBackend(backendPath: second, backendType: .file),
                            vsockOverride: VsockOverride(udsPath: refused.vsockPath))))
            }
            #expect(error?.fault?.message.contains("chown it to that user") == true, "\(String(describing: error))")
        }
        do {
            try await run()
        } catch {
            for machine in machines { await machine.end() }
            try? FileTree.removeAll(directory)
            throw error
        }
        for machine in machines { await machine.end() }
        try? FileTree.removeAll(directory)
    }
}
