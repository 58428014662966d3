import Glibc
import Linux
import Testing

@testable import SmartVM

/// Devices on a PCI bus, which come and go while a real guest runs.
@Suite("PCI", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct PCITests {
    private static let rescan = "echo 1 > /sys/bus/pci/rescan; "

    /// What the guest does before a drive is unplugged.
    private static func remove(_ disk: String) -> String { "echo 1 > /sys/block/\(disk)/device/../remove; " }

    private func makeDisk(_ path: String) throws -> Drive {
        try File.write([UInt8](repeating: 0x2e, count: 1 << 20), to: path)
        let name = String(path.split(separator: "/").last ?? "")
        return Drive(driveId: name, isRootDevice: false, pathOnHost: path)
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try File.read(path).prefix(9), as: UTF8.self)
    }

    /// The files that a process has open in a directory.
    private func openFiles(of process: Int32, in directory: String) throws -> Set<String> {
        let targets = try FileTree.names(at: "/proc/\(process)/fd").compactMap {
            try? File.linkTarget("/proc/\(process)/fd/\($0)")
        }
        return Set(targets.filter { $0.hasPrefix(directory + "/d") }.map { String($0.dropFirst(directory.count + 1)) })
    }

    @Test(
        "a drive and an interface are plugged, used and unplugged, and their names are free again; a snapshot keeps them"
    )
    func hotplug() async throws {
        let directory = "/tmp/smartvm-\(uniqueName("pci"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer { try? FileTree.removeAll(directory) }
        let machine = try await VMMProgram(in: directory, arguments: ["--enable-pci"])
        let drives = try ["d0", "d1", "d2"].map { try makeDisk("\(directory)/\($0)") }
        do {
            try await machine.configure(drives: [drives[0]])
            let devices = try await machine.shell("cat /proc/cmdline; ls /sys/bus/pci/devices; ls /dev/vd*")
            #expect(!devices.contains("pci=off") && devices.hasSuffix("/dev/vda\n/dev/vdb\n"), "\(devices)")

            try await plug(machine, drives[1])
            try await unplug(machine, drives)
            try await machine.client.send(.setVMState(.paused))
            try await machine.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: "\(directory)/state", memFilePath: "\(directory)/memory")))
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
        try await restore(in: directory, drives)
    }

    private func plug(_ machine: VMMProgram, _ drive: Drive) async throws {
        try await machine.client.send(.putDrive(drive))
        try await machine.client.send(
            .putNetworkInterface(
                NetworkInterface(ifaceId: "eth0", hostDevName: "svt0", guestMac: "02:00:00:00:00:07")))
        let again = await #expect(throws: SmartVMError.self) { try await machine.client.send(.putDrive(drive)) }
        #expect(again?.fault?.message == "Device ID in use")
        let output = try await machine.shell(
            Self.rescan + "printf plugged | dd of=/dev/vdc conv=notrunc 2>/dev/null; sync;"
                + "until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done; cat /sys/class/net/eth0/address;"
                + "ip addr add 172.31.99.2/24 dev eth0; ip link set eth0 up; ping -c 3 172.31.99.1")
        #expect(output.hasPrefix("02:00:00:00:00:07\n") && output.contains(" 0% packet loss"), "\(output)")
        #expect(try text(drive.pathOnHost ?? "") == "plugged..")
    }

    private func unplug(_ machine: VMMProgram, _ drives: [Drive]) async throws {
        let qemu = try machine.qemu().pid
        let root = await #expect(throws: SmartVMError.self) {
            try await machine.client.send(.deleteDrive(id: "rootfs"))
        }
        #expect(root?.fault?.message == "Cannot unplug root device")
        #expect(try openFiles(of: qemu, in: machine.directory) == ["d0", "d1"])
        // The first was there before the start.
        let left = try await machine.shell(
            Self.remove("vdb") + Self.remove("vdc") + "echo 1 > /sys/class/net/eth0/device/../remove; ls /dev/vd*;"
                + "ls /sys/class/net")
        #expect(left == "/dev/vda\nlo\n")
        for id in ["d0", "d1"] { try await machine.client.send(.deleteDrive(id: id)) }
        try await machine.client.send(.deleteNetworkInterface(id: "eth0"))
        let gone = await #expect(throws: SmartVMError.self) { try await machine.client.send(.deleteDrive(id: "d0")) }
        #expect(gone?.fault?.message == "Device not found")
        #expect(try openFiles(of: qemu, in: machine.directory) == [])
        let other = Drive(driveId: "d0", isRootDevice: false, pathOnHost: drives[2].pathOnHost)
        try await machine.client.send(.putDrive(other))
        // The TAP is free too.
        try await machine.client.send(.putNetworkInterface(NetworkInterface(ifaceId: "eth7", hostDevName: "svt0")))
        let output = try await machine.shell(
            Self.rescan
                + "ls /dev/vd* /sys/class/net | tr '\\n' ' '; printf again | dd of=/dev/vdb conv=notrunc 2>/dev/null; sync"
        )
        #expect(output.contains("/dev/vda /dev/vdb") && output.contains("eth"), "\(output)")
        #expect(try text(drives[2].pathOnHost ?? "") == "again....")
    }

    private func restore(in directory: String, _ drives: [Drive]) async throws {
        let clone = try await VMMProgram(in: directory, name: "clone")
        do {
            try await clone.client.send(
                .loadSnapshot(
                    SnapshotLoad(
                        snapshotPath: "\(directory)/state",
                        memBackend: MemoryBackend(backendPath: "\(directory)/memory", backendType: .file),
                        resumeVm: true, vsockOverride: VsockOverride(udsPath: clone.vsockPath))))
            let output = try await clone.shell(
                "dd if=/dev/vdb bs=9 count=1 2>/dev/null; printf restored | dd of=/dev/vdb conv=notrunc 2>/dev/null; sync;"
                    + Self.remove("vdb") + "ls /dev/vd*")
            #expect(output == "again..../dev/vda\n")
            #expect(try text(drives[2].pathOnHost ?? "") == "restored.")
            try await clone.client.send(.deleteDrive(id: "d0"))
            try await clone.client.send(.putDrive(drives[1]))
            #expect(try await clone.shell(Self.rescan + "dd if=/dev/vdb bs=9 count=1 2>/dev/null") == "plugged..")
        } catch {
            await clone.end()
            throw error
        }
        await clone.end()
    }

    @Test("the bus has Firecracker's number of places")
    func places() async throws {
        let machine = try await VMMProgram(arguments: ["--enable-pci"])
        do {
            // With the root, the socket and the random numbers.
            let drives = (0..<28).map { number in
                Drive(
                    driveId: "d\(number)", isRootDevice: false, isReadOnly: true, pathOnHost: machine.image.rootfsPath)
            }
            try await machine.configure(drives: drives)
            var more = drives[0]
            more.driveId = "more"
            let refusal = await #expect(throws: SmartVMError.self) { try await machine.client.send(.putDrive(more)) }
            #expect(
                refusal?.fault?.message
                    == "PCI manager error: PCI root error: Could not find an available device slot on the PCI bus.")
            try await machine.client.send(.deleteDrive(id: "d5"))
            try await machine.client.send(.putDrive(more))
            #expect(try await machine.shell("ls /dev/vd* | wc -l") == "29\n")
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }
}

/// The same through the library.
extension PCITests {
    @Test("a VM of the library has PCI if it asks for it, and takes a drive while it runs")
    func library() async throws {
        try await withDirectory { directory in
            let disk = try makeDisk("\(directory)/d0")
            let smartVM = try SmartVM()
            try await smartVM.withVM(VMConfig(id: uniqueName("pci"), image: "minimal", enablePCI: true)) { vm in
                try await vm.addDrive(disk)
                let result = try await vm.exec([
                    "sh", "-c",
                    Self.rescan + "printf plugged | dd of=/dev/vdb conv=notrunc; sync;" + Self.remove("vdb"),
                ])
                #expect(result.exitStatus == 0, "\(result.standardError)")
                try await vm.removeDrive(disk.driveId)
            }
            #expect(try text("\(directory)/d0") == "plugged..")
        }
    }
}
