import Glibc
import GuestProtocol
import Linux
import NIOCore
import Testing

@testable import SmartVM

/// A guest on smartvm-qemu in the network namespace of the test, whose agent is told of its network by a ``NetworkManager``.
final class NetworkGuest {
    private let directory: String
    private let child: ChildProcess
    private let client: SocketClient
    private let session: Task<Void, any Error>

    /// Boots it, and returns when it has its addresses.
    init(_ name: String, _ interfaces: [(manager: NetworkManager, tap: NetworkTap)], directory parent: String)
        async throws
    {
        directory = "\(parent)/\(name)"
        try FileTree.makeDirectory(directory, mode: 0o700)
        let image = try await BaseImageManager(try DataDirectory()).ensureBaseImage()
        let vmm = try VMMSelection.qemu.resolve(in: try DataDirectory())
        let descriptor = try UnixSocket.listen(at: "\(directory)/v.sock_\(VsockPort.session)").take()
        let first = try #require(interfaces.first)
        let guestInterfaces = interfaces.enumerated().map {
            $1.manager.guestInterface(for: $1.tap, isDefaultRoute: $0 == 0)
        }
        let nameServers = first.manager.guestConfiguration(for: [first.tap]).nameServers
        let configuration = Configuration(hostname: name, interfaces: guestInterfaces, nameServers: nameServers)
        let server = GuestSession { configuration }
        session = Task { try await server.run(Descriptor(owning: descriptor)) }

        let console = try Descriptor.open("\(directory)/console", O_WRONLY | O_CREAT)
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        var spawn = Spawn(vmm.path, arguments: ["smartvm-qemu", "--api-sock", "api.sock"])
        spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        spawn.workingDirectory = directory
        spawn.descriptors = [null.rawValue, console.rawValue, console.rawValue]
        child = try spawn.start().child
        client = SocketClient(socketPath: "\(directory)/api.sock")
        let path = client.socketPath
        _ = try await eventually { (try? UnixSocket.connect(to: path)) != nil }

        try await client.send(.putMachineConfig(MachineConfig(vcpuCount: 1, memSizeMib: 256)))
        try await client.send(
            .putBootSource(
                BootSource(
                    kernelImagePath: image.kernelImagePath, initrdPath: image.initrdPath, bootArgs: image.bootArgs)))
        try await client.send(
            .putDrive(Drive(driveId: "rootfs", isRootDevice: true, isReadOnly: true, pathOnHost: image.rootfsPath)))
        try await client.send(.putVsock(VsockConfig(guestCid: 3, udsPath: "\(directory)/v.sock")))
        for (number, interface) in interfaces.enumerated() {
            try await client.send(
                .putNetworkInterface(
                    NetworkInterface(
                        ifaceId: "eth\(number)", hostDevName: interface.tap.tapName, guestMac: interface.tap.mac)))
        }
        try await client.send(.putEntropy(EntropyConfig()))
        try await client.send(.performAction(.instanceStart))
        let addresses = try await shell(
            "for i in $(seq 300); do ip addr | grep -q \(first.tap.guestIp)/ && break; sleep 0.1; done; ip addr")
        for interface in interfaces { #expect(addresses.contains("inet \(interface.tap.guestIp)/24"), "\(addresses)") }
    }

    /// Runs a shell command in the guest: its output.
    func shell(_ text: String) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(90)
        while true {
            do {
                return try await GuestSocket.withConnection("\(directory)/v.sock", port: VsockPort.exec) {
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
                guard ContinuousClock.now < deadline, child.isRunning else {
                    let console = (try? File.readText("\(directory)/console")) ?? ""
                    Issue.record("the guest is gone: \(console.suffix(2000))")
                    throw error
                }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    func end() async {
        session.cancel()
        await client.close()
        child.kill(SIGKILL)
        _ = try? child.waitUntilExit()
    }
}
