import Glibc
import Linux
import Testing

@testable import SmartVM

/// Drives of kinds that are not a plain file from beginning to end, and memory of huge pages, with real guests.
@Suite("Drives", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct DriveTests {
    private func withMachine(_ arguments: [String] = [], _ body: (VMMProgram) async throws -> Void) async throws {
        let machine = try await VMMProgram(arguments: arguments)
        do {
            try await body(machine)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    private func run(_ program: String, _ arguments: [String]) throws -> ChildProcess {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var spawn = Spawn(program, arguments: [program] + arguments)
        spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        spawn.descriptors = [null.rawValue, null.rawValue, null.rawValue]
        return try spawn.start().child
    }

    @Test(
        "a drive that another process serves is read and written, and keeps its VM from being saved",
        arguments: [false, true])
    func vhostUser(pci: Bool) async throws {
        try await withMachine(pci ? ["--enable-pci"] : []) { machine in
            let file = "\(machine.directory)/served"
            let socket = "\(machine.directory)/server.sock"
            try File.write([UInt8](repeating: 0x2e, count: 1 << 20), to: file)
            let server = try run(
                "/usr/bin/qemu-storage-daemon",
                [
                    "--blockdev", "driver=file,node-name=file,filename=\(file)", "--export",
                    "type=vhost-user-blk,id=export,node-name=file,writable=on,addr.type=unix,addr.path=\(socket)",
                ])
            defer {
                server.kill(SIGKILL)
                _ = try? server.waitUntilExit()
            }
            #expect(try await eventually { File.exists(socket) })
            try await machine.configure(drives: [Drive(driveId: "served", isRootDevice: false, socket: socket)])
            let output = try await machine.shell(
                "cat /sys/block/vdb/size; dd if=/dev/vdb bs=9 count=1 2>/dev/null;"
                    + "printf written | dd of=/dev/vdb conv=notrunc,fsync 2>/dev/null")
            #expect(output == "2048\n.........")
            #expect(String(decoding: try File.read(file).prefix(9), as: UTF8.self) == "written..")
            try await machine.client.send(.setVMState(.paused))
            let refusal = await #expect(throws: SmartVMError.self) {
                try await machine.client.send(
                    .createSnapshot(
                        SnapshotCreate(
                            snapshotPath: "\(machine.directory)/s", memFilePath: "\(machine.directory)/m")))
            }
            #expect(
                refusal?.fault?.message.hasSuffix(
                    "Operation not allowed: Devices without snapshot support are present: vhost-user-block(id: served)")
                    == true)
        }
    }

    @Test("the root can be a partition of a drive, by its UUID")
    func partition() async throws {
        try await withMachine { machine in
            let disk = "\(machine.directory)/disk"
            let uuid = "f2345678-01"
            let root = try File.read(machine.image.rootfsPath)
            // One partition of Linux, which begins after a MiB: its place and size in sectors.
            var table = [UInt8](repeating: 0, count: 1 << 20)
            table.replaceSubrange(440..<444, with: [0x78, 0x56, 0x34, 0xf2])
            table[446 + 4] = 0x83
            for (offset, number) in [(8, 2048), (12, root.count / 512)] {
                for byte in 0..<4 { table[446 + offset + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
            }
            table.replaceSubrange(510..<512, with: [0x55, 0xaa])
            try File.write(table + root, to: disk)
            try await machine.configure(
                root: Drive(
                    driveId: "rootfs", isRootDevice: true, partuuid: uuid, isReadOnly: true, pathOnHost: disk))
            let output = try await machine.shell("cat /proc/cmdline; cat /sys/block/vda/vda1/ro; cat /proc/mounts")
            #expect(output.contains("root=PARTUUID=\(uuid) ro "), "\(output)")
            #expect(output.contains("\n1\n"))
        }
    }

    @Test("a drive's file is replaced by one of another size while the guest runs, and of huge pages is its memory")
    func replacement() async throws {
        guard let pages = HugePages(count: 136) else { return }
        defer { pages.giveBack() }
        try await withMachine { machine in
            let files = ["small", "large"].map { "\(machine.directory)/\($0)" }
            try File.write([UInt8](repeating: 0x61, count: 1 << 20), to: files[0])
            try File.write([UInt8](repeating: 0x62, count: 3 << 20), to: files[1])
            try await machine.configure(
                drives: [
                    Drive(driveId: "data", isRootDevice: false, pathOnHost: files[0]),
                    Drive(driveId: "fixed", isRootDevice: false, isReadOnly: true, pathOnHost: files[0]),
                ],
                hugePages: true)
            #expect(try await machine.shell("cat /sys/block/vdb/size; head -c 3 /dev/vdb") == "2048\naaa")
            #expect(pages.free < 136)
            try await machine.client.send(.patchDrive(DriveUpdate(driveId: "data", pathOnHost: files[1])))
            let output = try await machine.shell(
                "for i in $(seq 100); do [ $(cat /sys/block/vdb/size) = 6144 ] && break; sleep 0.1; done;"
                    + "echo 3 > /proc/sys/vm/drop_caches;"
                    + "head -c 3 /dev/vdb; printf x | dd of=/dev/vdc conv=notrunc,fsync 2>/dev/null || echo refused")
            #expect(output == "bbbrefused\n")
            try await machine.client.send(.setVMState(.paused))
            try await machine.client.send(
                .createSnapshot(
                    SnapshotCreate(snapshotPath: "\(machine.directory)/s", memFilePath: "\(machine.directory)/m")))
            let memory = try FileStatus(of: "\(machine.directory)/m")
            #expect(memory.size == 256 << 20)
        }
    }
}

/// Huge pages of 2 MiB that the host sets aside for as long as a test needs them.
private struct HugePages {
    private static let folder = "/sys/kernel/mm/hugepages/hugepages-2048kB"
    private let before: String

    /// Nil if the host has no such pages, or not enough memory in one piece.
    init?(count: Int) {
        guard let before = try? File.readText("\(Self.folder)/nr_hugepages") else { return nil }
        self.before = before
        try? File.write(Array("\(count)".utf8), to: "\(Self.folder)/nr_hugepages")
        guard free >= count else {
            giveBack()
            return nil
        }
    }

    var free: Int {
        let text = (try? File.readText("\(Self.folder)/free_hugepages")) ?? ""
        return Int(text.prefix { $0.isNumber }) ?? 0
    }

    func giveBack() {
        try? File.write(Array(before.utf8), to: "\(Self.folder)/nr_hugepages")
    }
}
