import FirecrackerAPI
import FirecrackerClient
import Glibc
import GuestProtocol
import Linux
import NIOCore
import Testing

@testable import SmartVM

/// A guest in a jail, which a double of the jailer makes; only root can do that.
@Suite("A VM in a jail", .serialized, BootCapability.trait, .enabled(if: geteuid() == 0), .timeLimit(.minutes(3)))
struct JailBootTests {
    @Test("a guest boots in a jail, is reached from outside, and nothing is left of it afterwards")
    func boot() async throws {
        let top = "/tmp/\(uniqueName("sj"))"
        try FileTree.makeDirectories("\(top)/j", mode: 0o755)
        defer { try? FileTree.removeAll(top) }
        try File.write(Array(FakeJailer.script.utf8), to: "\(top)/jailer", mode: 0o755)
        try FileTree.setMode("\(top)/jailer", 0o755)
        let image = try await BaseImageManager(try DataDirectory()).ensureBaseImage()
        let vmm = try VMMSelection.qemu.resolve(in: try DataDirectory())
        let directories = RuntimeDirectories(dataDirectory: "\(top)/d")
        let directory = try directories.create("jailed")

        let groups = ControlGroups.ofHost
        let hasPids = groups.controllers["pids"] == "/sys/fs/cgroup/pids" && File.isWritable("/sys/fs/cgroup/pids")
        let config = JailerConfig(
            uid: 4242, gid: 4243, jailerBinaryPath: "\(top)/jailer", chrootBaseDir: "\(top)/j", cgroupVersion: .v1,
            cgroups: hasPids ? ["pids.max": "500"] : [:], parentCgroup: uniqueName("smartvm-test"),
            resourceLimits: .init(noFile: 1024))
        defer { if let parent = config.parentCgroup { rmdir("/sys/fs/cgroup/pids/\(parent)") } }
        let jail = try Jail(config, executable: vmm.path, vm: "jailed", directory: directory)
        // The kernel's file may be anybody's to read or not; the root file system's must be.
        try File.concatenate([image.rootfsPath], to: "\(top)/root.ext4", mode: 0o644)
        let requests = try jail.admit([
            .putMachineConfig(MachineConfig(vcpuCount: 1, memSizeMib: 256)),
            .putBootSource(
                BootSource(
                    kernelImagePath: image.kernelImagePath, initrdPath: image.initrdPath, bootArgs: image.bootArgs)),
            .putDrive(
                Drive(driveId: "rootfs", isRootDevice: true, isReadOnly: true, pathOnHost: "\(top)/root.ext4")),
            .putVsock(VsockConfig(guestCid: 3, udsPath: "/elsewhere")), .putEntropy(EntropyConfig()),
            .performAction(.instanceStart),
        ])
        let console = try Descriptor.open("\(top)/console", O_WRONLY | O_CREAT)
        let process = try VMMProcess(
            jail.command(workingDirectory: directory.path), directory: directory, console: console)
        let client = SocketClient(socketPath: jail.layout.apiSocketPath)
        let isUp = try await eventually { (try? UnixSocket.connect(to: jail.layout.apiSocketPath)) != nil }
        #expect(isUp, "\((try? File.readText("\(top)/console")) ?? "")")
        let listener = try UnixSocket.listen(at: "\(jail.layout.vsockPath)_1024")
        try jail.own("\(jail.layout.vsockPath)_1024")
        let session = GuestSession {
            Configuration(hostname: "jailed", wallClockNanoseconds: Clock.realtimeNanoseconds)
        }
        let number = listener.take()
        let serving = Task { try await session.run(Descriptor(owning: number)) }
        for request in requests { try await client.send(request) }
        _ = try await session.identityTaken(after: 0)
        let output = try await GuestSocket.withConnection(jail.layout.vsockPath, port: VsockPort.exec) {
            reader, writer in
            try await writer.write(ExecInput.start(ExecRequest(arguments: ["hostname"])))
            let process = GuestProcess(reader: reader, writer: writer)
            var output: [UInt8] = []
            while let event = try await process.nextEvent() {
                if case .standardOutput(let bytes) = event { output += bytes }
            }
            return String(decoding: output, as: UTF8.self)
        }
        #expect(output == "jailed\n")

        // It is the process that was started, in its jail, as its user.
        let pid = try File.readText("\(jail.layout.root)/\(jail.layout.executableName).pid")
        let status = try File.readText("/proc/\(pid)/status")
        #expect(status.contains("Uid:\t4242\t4242\t4242\t4242") && status.contains("Gid:\t4243"))
        #expect(try File.linkTarget("/proc/\(pid)/root") == jail.layout.root)
        if hasPids { #expect(try File.readText("/proc/\(pid)/cgroup").contains("/\(jail.layout.cgroup)")) }

        await client.close()
        await process.endSession()
        serving.cancel()
        _ = await serving.result
        directory.remove()
        #expect(!File.exists("/proc/\(pid)"))
        #expect(try FileTree.names(at: "\(top)/j/\(jail.layout.executableName)") == [])
        #expect(MountPoints.below(top).isEmpty)
        if hasPids { #expect(!File.exists("/sys/fs/cgroup/pids/\(jail.layout.cgroup)")) }
        #expect(try FileTree.names(at: "\(top)/d/run") == [".lock"])
    }
}
