import Glibc
import Linux
import Testing

@testable import SmartVM

/// Persistent memory, and memory that is plugged, of smartvm-qemu with a real guest.
@Suite("Memory devices of smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct MemoryDeviceTests {
    private func withStage(_ body: (VMMStage) async throws -> Void) async throws {
        let stage = try VMMStage()
        do {
            try await body(stage)
        } catch {
            await stage.end()
            throw error
        }
        await stage.end()
    }

    /// A file system with a file `content` in it.
    private func makeFileSystem(at path: String, blocks: Int) async throws {
        try await Tool.mke2fs.run(["-q", "-F", "-t", "ext4", "-b", "4096", path, "\(blocks)"])
    }

    @Test("what the guest writes to persistent memory is in the file, also through a file system without a page cache")
    func persistentMemory() async throws {
        try await withStage { stage in
            let (plain, system) = ("\(stage.directory)/plain", "\(stage.directory)/system")
            try File.write([UInt8](repeating: 0x2e, count: 16 << 20), to: plain)
            // Not a multiple of what the device is rounded up to.
            try await makeFileSystem(at: system, blocks: 1025)
            let machine = try await stage.machine("vm")
            try await machine.configure(devices: [
                .putPmem(Pmem(id: "plain", pathOnHost: plain)), .putPmem(Pmem(id: "system", pathOnHost: system)),
            ])
            let output = try await machine.shell(
                "cat /sys/block/pmem0/size /sys/block/pmem1/size; "
                    + "printf written | dd of=/dev/pmem0 bs=1 seek=1048576 conv=notrunc,fsync 2>&1 | tail -1; "
                    + "mkdir -p /tmp/m; mount -t ext4 -o dax /dev/pmem1 /tmp/m && echo mounted; "
                    + "echo through > /tmp/m/file; sync; umount /tmp/m; free -m | awk '/Mem/ { print $2 }'")
            let lines = output.split(separator: "\n")
            #expect(lines.first == "32768" && lines.dropFirst().first == "12288", "\(output)")
            #expect(lines.contains("mounted"), "\(output)")
            // The devices' ranges are none of the guest's memory.
            #expect(lines.last.flatMap { Int($0) }.map { $0 < 256 } == true, "\(output)")
            let bytes = try File.read(plain, limit: 32 << 20)
            #expect(String(decoding: bytes[(1 << 20)..<((1 << 20) + 9)], as: UTF8.self) == "written..")
            #expect(bytes.prefix(1 << 20).allSatisfy { $0 == 0x2e })
            #expect(try FileStatus(of: system).size == 1025 * 4096)
            let copied = "\(stage.directory)/copied"
            try await Tool.debugfs.run(["-R", "dump /file \(copied)", system])
            #expect(try File.readText(copied) == "through\n")
            #expect(await machine.fault { .patchPmem(PmemUpdate(id: "nope", rateLimiter: RateLimiter())) } != nil)
        }
    }

    @Test("what is written to read-only persistent memory has no effect, and the file need not be writable")
    func readOnly() async throws {
        try await withStage { stage in
            let path = "\(stage.directory)/fixed"
            try File.write([UInt8](repeating: 0x2e, count: 3 << 20), to: path, mode: 0o400)
            let machine = try await stage.machine("vm")
            try await machine.configure(devices: [.putPmem(Pmem(id: "fixed", pathOnHost: path, readOnly: true))])
            let output = try await machine.shell(
                "printf written | dd of=/dev/pmem0 bs=512 conv=notrunc,fsync 2>&1 | tail -1; "
                    + "echo 3 > /proc/sys/vm/drop_caches; head -c 9 /dev/pmem0")
            #expect(output.hasSuffix("........."), "\(output)")
            #expect(try File.read(path).allSatisfy { $0 == 0x2e })
        }
    }

    @Test("a guest has its root file system in persistent memory, read-only or not", arguments: [true, false])
    func root(isReadOnly: Bool) async throws {
        try await withStage { stage in
            let machine = try await stage.machine("vm")
            let path = "\(stage.directory)/root"
            try File.write(try File.read(machine.image.rootfsPath), to: path)
            try await machine.configure(
                hasRootDrive: false,
                devices: [.putPmem(Pmem(id: "root", pathOnHost: path, rootDevice: true, readOnly: isReadOnly))])
            let output = try await machine.shell("cat /proc/cmdline; ls /dev/vda; echo on")
            #expect(output.contains(" root=/dev/pmem0 \(isReadOnly ? "ro" : "rw") "), "\(output)")
            #expect(output.hasSuffix("on\n") && !output.contains("\n/dev/vda"), "\(output)")
        }
    }

    @Test("a machine whose guest uses persistent memory is not saved, and goes on")
    func persistentMemoryInSnapshot() async throws {
        try await withStage { stage in
            let path = "\(stage.directory)/data"
            try File.write([UInt8](repeating: 0x2e, count: 2 << 20), to: path)
            let machine = try await stage.machine("vm")
            try await machine.configure(devices: [.putPmem(Pmem(id: "data", pathOnHost: path))])
            _ = try await machine.shell("true")
            let error = await #expect(throws: SmartVMError.self) { try await stage.save(machine) }
            #expect(error?.fault?.message.contains("the queue of pmem data") == true)
            #expect(!File.exists(stage.memory) && !File.exists(stage.state))
            try await machine.client.send(.setVMState(.resumed))
            #expect(try await machine.shell("head -c 3 /dev/pmem0") == "...")
        }
    }

    private func status(_ machine: VMMProgram) async throws -> MemoryHotplugStatus {
        guard case .memoryHotplug(let status) = try await machine.client.send(.getMemoryHotplug) else {
            throw Errno.inputOutput
        }
        return status
    }

    private func plug(_ mib: UInt, _ machine: VMMProgram) async throws {
        try await machine.client.send(.patchMemoryHotplug(MemoryHotplugUpdate(requestedSizeMib: mib)))
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline, try await status(machine).pluggedSizeMib != mib {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await status(machine).pluggedSizeMib == mib)
    }

    @Test("a guest gets memory while it runs, uses it, and gives it back to the host")
    func hotplug() async throws {
        try await withStage { stage in
            let machine = try await stage.machine("vm")
            try await machine.configure(
                memoryMiB: 128,
                devices: [.putMemoryHotplug(MemoryHotplugConfig(totalSizeMib: 256, blockSizeMib: 4))])
            #expect(try await machine.shell("cat /sys/devices/system/memory/auto_online_blocks") == "online_movable\n")
            #expect(try await status(machine).pluggedSizeMib == 0)
            let size = { (mib: Int) in
                APIRequest.patchMemoryHotplug(MemoryHotplugUpdate(requestedSizeMib: UInt(mib)))
            }
            for wrong in [2, 260] {
                let message = await machine.fault { size(wrong) }
                #expect(
                    message?.hasSuffix(
                        "Size \(wrong << 20) is invalid: it must be a multiple of block size and less than the total size"
                    )
                        == true)
            }
            let before = try await machine.memoryMiB()
            try await plug(256, machine)
            #expect(try await machine.memoryMiB() == before + 256)
            // More than it had at first.
            let used =
                "mount -t tmpfs -o size=220m none /mnt; dd if=/dev/urandom of=/mnt/f bs=1M count=200 2>/dev/null; "
            _ = try await machine.shell(used + "md5sum /mnt/f > /tmp/sum")
            let held = try machine.residentMiB()
            try await stage.save(machine)
            #expect(try FileStatus(of: stage.memory).size == 384 << 20)

            // With everything that is in it, and each clone with its own.
            let clone = try await stage.clone("clone")
            #expect(try await clone.shell("cd /mnt; md5sum -c /tmp/sum") == "/mnt/f: OK\n")
            #expect(try await status(clone).pluggedSizeMib == 256)
            _ = try await clone.shell("dd if=/dev/urandom of=/mnt/f bs=1M count=200 2>/dev/null; rm /mnt/f")
            try await plug(0, clone)
            #expect(try await clone.memoryMiB() == before)
            await clone.end()

            try await machine.client.send(.setVMState(.resumed))
            #expect(try await machine.shell("md5sum -c /tmp/sum; rm /mnt/f; umount /mnt") == "/mnt/f: OK\n")
            try await plug(0, machine)
            #expect(try await machine.memoryMiB() == before)
            let left = try machine.residentMiB()
            #expect(held - left >= 150, "\(held) MiB before, \(left) MiB after")
        }
    }

    @Test("a difference tells of plugged memory that changed, after a boot and after a load", arguments: [true, false])
    func hotplugDifference(tracked: Bool) async throws {
        try await withStage { stage in
            let original = try await stage.machine("original")
            try await original.configure(
                memoryMiB: 128, tracksDirtyPages: tracked,
                devices: [.putMemoryHotplug(MemoryHotplugConfig(totalSizeMib: 128))])
            _ = try await original.shell("true")
            try await plug(128, original)
            _ = try await original.shell(
                "mount -t tmpfs none /mnt; dd if=/dev/urandom of=/mnt/a bs=1M count=60 2>/dev/null; md5sum /mnt/* > /tmp/sum"
            )
            try await stage.save(original)
            await original.end()
            let clone = try await stage.clone("clone") { $0.trackDirtyPages = tracked }
            _ = try await clone.shell(
                "dd if=/dev/urandom of=/mnt/b bs=1M count=20 2>/dev/null; md5sum /mnt/* > /tmp/sum")
            try await stage.mergeDifference(of: clone)
            await clone.end()
            let last = try await stage.clone("last")
            #expect(try await last.shell("md5sum -c /tmp/sum") == "/mnt/a: OK\n/mnt/b: OK\n")
        }
    }
}
