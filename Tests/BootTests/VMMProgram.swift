import Glibc
import GuestProtocol
import Linux
import NIOCore
import Testing

@testable import SmartVM

/// A running smartvm-qemu in a network namespace of its own, where a TAP `svt0` has the address 172.31.99.1, and in a directory that
/// may be shared with others.
final class VMMProgram {
    let directory: String
    let child: ChildProcess
    let client: SocketClient
    let image: BaseImageBundle
    /// The guest's socket.
    var vsockPath: String
    private let ownsDirectory: Bool

    /// - Parameters:
    ///   - directory: Nil makes one, which goes with ``end()``.
    ///   - name: Of the files in it.
    ///   - arguments: More of them for smartvm-qemu.
    init(in directory: String? = nil, name: String = "vm", arguments: [String] = []) async throws {
        self.directory = directory ?? "/tmp/smartvm-\(uniqueName("vmm"))"
        ownsDirectory = directory == nil
        vsockPath = "\(self.directory)/\(name).vsock"
        if ownsDirectory { try FileTree.makeDirectory(self.directory, mode: 0o700) }
        image = try await Self.image()
        let vmm = try VMMSelection.qemu.resolve(in: try DataDirectory())
        let console = try Descriptor.open("\(self.directory)/\(name).console", O_WRONLY | O_CREAT)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let network =
            "ip link set lo up; ip tuntap add svt0 mode tap; ip addr add 172.31.99.1/24 dev svt0; ip link set svt0 up;"
        var spawn = Spawn(
            "/usr/bin/unshare",
            arguments: [
                "unshare", "-n", "sh", "-c", network + #" exec "$@""#, "sh", vmm.path, "--api-sock", "\(name).api",
            ] + arguments)
        spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        spawn.workingDirectory = self.directory
        spawn.descriptors = [null.rawValue, console.rawValue, console.rawValue]
        child = try spawn.start().child
        client = SocketClient(socketPath: "\(self.directory)/\(name).api")
        let path = client.socketPath
        _ = try await eventually { (try? UnixSocket.connect(to: path)) != nil }
    }

    /// The base image; one that an earlier version made without the modules for memory devices is made anew.
    private static func image() async throws -> BaseImageBundle {
        let manager = BaseImageManager(try DataDirectory())
        let image = try await manager.ensureBaseImage()
        let modules = try File.readText("\(image.bundleDir)/\(ImageDirectory.modulesName)")
        if modules.contains("virtio_pmem.ko") { return image }
        return try await manager.ensureBaseImage(force: true)
    }

    func configure(
        drives: [Drive] = [], network: Bool = false, memoryMiB: UInt = 256, tracksDirtyPages: Bool = false,
        hasRootDrive: Bool = true, devices: [APIRequest] = [], kernel: String? = nil,
        entropy: EntropyConfig = EntropyConfig(), serial: SerialConfig? = nil
    ) async throws {
        try await client.send(
            .putMachineConfig(
                MachineConfig(vcpuCount: 1, memSizeMib: memoryMiB, trackDirtyPages: tracksDirtyPages)))
        try await client.send(
            .putBootSource(
                BootSource(
                    kernelImagePath: kernel ?? image.kernelImagePath, initrdPath: image.initrdPath,
                    bootArgs: image.bootArgs))
        )
        let root = Drive(driveId: "rootfs", isRootDevice: true, isReadOnly: true, pathOnHost: image.rootfsPath)
        for drive in (hasRootDrive ? [root] : []) + drives { try await client.send(.putDrive(drive)) }
        try await client.send(.putVsock(VsockConfig(guestCid: 3, udsPath: vsockPath)))
        if network {
            try await client.send(
                .putNetworkInterface(
                    NetworkInterface(ifaceId: "eth0", hostDevName: "svt0", guestMac: "02:00:00:00:00:07")))
        }
        for device in devices { try await client.send(device) }
        try await client.send(.putEntropy(entropy))
        if let serial { try await client.send(.putSerial(serial)) }
        try await client.send(.performAction(.instanceStart))
    }

    /// Runs a shell command in the guest, once its agent takes commands: its output.
    func shell(_ text: String) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await GuestSocket.withConnection(vsockPath, port: VsockPort.exec) {
                    reader, writer in
                    try await writer.write(ExecInput.start(ExecRequest(arguments: ["sh", "-c", text])))
                    let process = GuestProcess(reader: reader, writer: writer)
                    var output: [UInt8] = []
                    while let event = try await process.nextEvent() {
                        switch event {
                        case .standardOutput(let bytes), .standardError(let bytes): output += bytes
                        case .started, .ended: break
                        }
                    }
                    return String(decoding: output, as: UTF8.self)
                }
            } catch let error as SmartVMError where error.code == .guestUnreachable {
                guard ContinuousClock.now < deadline, child.isRunning else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Starts a shell command in the same network namespace.
    func spawnBeside(_ text: String) throws -> ChildProcess {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var spawn = Spawn(
            "/usr/bin/nsenter", arguments: ["nsenter", "-t", String(child.pid), "-n", "bash", "-c", text])
        spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        spawn.descriptors = [null.rawValue, null.rawValue, null.rawValue]
        return try spawn.start().child
    }

    /// QEMU's pid, found among the children.
    func qemu() throws -> ChildProcess {
        let children = try File.readText("/proc/\(child.pid)/task/\(child.pid)/children")
        let pid = try #require(children.split(separator: " ").first.flatMap { Int32($0) })
        return try ChildProcess(adopting: pid)
    }

    func end() async {
        await client.close()
        child.kill(SIGKILL)
        _ = try? child.waitUntilExit()
        if ownsDirectory { try? FileTree.removeAll(directory) }
    }
}
