import Glibc
import GuestProtocol
import Linux
import NIOCore
import Testing

@testable import SmartVM

/// `smartvm-qemu` by itself, over its API, with real guests: what any client of Firecracker would do.
@Suite("smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct VMMTests {
    /// A running smartvm-qemu in a directory and a network namespace of its own, where a TAP `svt0` has the address 172.31.99.1.
    private final class Machine {
        let directory: String
        let child: ChildProcess
        let client: SocketClient
        let image: BaseImageBundle

        init() async throws {
            directory = "/tmp/smartvm-\(uniqueName("vmm"))"
            try FileTree.makeDirectory(directory, mode: 0o700)
            image = try await BaseImageManager(try DataDirectory()).ensureBaseImage()
            let vmm = try VMMSelection.qemu.resolve(in: try DataDirectory())
            let console = try Descriptor.open("\(directory)/console", O_WRONLY | O_CREAT)
            let null = try Descriptor.open("/dev/null", O_RDONLY)
            let network =
                "ip link set lo up; ip tuntap add svt0 mode tap; ip addr add 172.31.99.1/24 dev svt0; ip link set svt0 up;"
            var spawn = Spawn(
                "/usr/bin/unshare",
                arguments: [
                    "unshare", "-n", "sh", "-c", network + #" exec "$@""#, "sh", vmm.path, "--api-sock", "api.sock",
                ])
            spawn.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
            spawn.workingDirectory = directory
            spawn.descriptors = [null.rawValue, console.rawValue, console.rawValue]
            child = try spawn.start().child
            client = SocketClient(socketPath: "\(directory)/api.sock")
            let path = client.socketPath
            _ = try await eventually { (try? UnixSocket.connect(to: path)) != nil }
        }

        func configure(drives: [Drive] = [], network: Bool = false) async throws {
            try await client.send(.putMachineConfig(MachineConfig(vcpuCount: 1, memSizeMib: 256)))
            try await client.send(
                .putBootSource(
                    BootSource(
                        kernelImagePath: image.kernelImagePath, initrdPath: image.initrdPath, bootArgs: image.bootArgs))
            )
            let root = Drive(driveId: "rootfs", isRootDevice: true, isReadOnly: true, pathOnHost: image.rootfsPath)
            for drive in [root] + drives { try await client.send(.putDrive(drive)) }
            try await client.send(.putVsock(VsockConfig(guestCid: 3, udsPath: "\(directory)/v.sock")))
            if network {
                try await client.send(
                    .putNetworkInterface(
                        NetworkInterface(ifaceId: "eth0", hostDevName: "svt0", guestMac: "02:00:00:00:00:07")))
            }
            try await client.send(.putEntropy(EntropyConfig()))
            try await client.send(.performAction(.instanceStart))
        }

        /// Runs a shell command in the guest, once its agent takes commands: its output.
        func shell(_ text: String) async throws -> String {
            let deadline = ContinuousClock.now + .seconds(60)
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
                    guard ContinuousClock.now < deadline, child.isRunning else { throw error }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
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
            try? FileTree.removeAll(directory)
        }
    }

    private func withMachine(_ body: (Machine) async throws -> Void) async throws {
        let machine = try await Machine()
        do {
            try await body(machine)
        } catch {
            await machine.end()
            throw error
        }
        await machine.end()
    }

    @Test("a guest reaches the host over its TAP")
    func network() async throws {
        try await withMachine { machine in
            try await machine.configure(network: true)
            let output = try await machine.shell(
                "until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done; "
                    + "ip addr add 172.31.99.2/24 dev eth0; ip link set eth0 up; ip link show eth0; ping -c 3 172.31.99.1"
            )
            #expect(output.contains("02:00:00:00:00:07"))
            #expect(output.contains(" 0% packet loss"), "\(output)")
        }
    }

    @Test("several drives: one that is written keeps what was written, one that is read-only is not written")
    func drives() async throws {
        try await withMachine { machine in
            let data = "\(machine.directory)/data"
            let fixed = "\(machine.directory)/fixed"
            for path in [data, fixed] { try File.write([UInt8](repeating: 0x2e, count: 1 << 20), to: path) }
            try await machine.configure(drives: [
                Drive(driveId: "data", isRootDevice: false, pathOnHost: data),
                Drive(driveId: "fixed", isRootDevice: false, isReadOnly: true, pathOnHost: fixed),
            ])
            let output = try await machine.shell(
                "printf written | dd of=/dev/vdb conv=notrunc 2>/dev/null; sync; cat /sys/block/vdc/ro; "
                    + "printf written | dd of=/dev/vdc conv=notrunc 2>&1 | tail -1; sync; cat /sys/block/vdb/size")
            #expect(output.hasPrefix("1\n"), "\(output)")
            #expect(output.hasSuffix("2048\n"))
            #expect(String(decoding: try File.read(data).prefix(9), as: UTF8.self) == "written..")
            #expect(String(decoding: try File.read(fixed).prefix(9), as: UTF8.self) == ".........")
        }
    }

    @Test("pause stops the guest and resume lets it go on; GET tells which")
    func pause() async throws {
        try await withMachine { machine in
            try await machine.configure()
            _ = try await machine.shell("true")
            try await machine.client.send(.setVMState(.paused))
            guard case .instanceInfo(let paused) = try await machine.client.send(.getInstanceInfo) else {
                Issue.record("GET / has no answer")
                return
            }
            #expect("\(paused.state)".lowercased().contains("paused"))
            try await machine.client.send(.setVMState(.resumed))
            #expect(try await machine.shell("echo on") == "on\n")
        }
    }

    @Test("a bad request is answered, and never ends the process")
    func badRequests() async throws {
        try await withMachine { machine in
            let error = await #expect(throws: SmartVMError.self) {
                try await machine.client.send(.putMachineConfig(MachineConfig(vcpuCount: 33, memSizeMib: 128)))
            }
            #expect(error?.fault?.endpoint == "PUT /machine-config" && error?.fault?.status == 400)
            for text in [
                "nonsense\r\n\r\n", "PUT /nosuch HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "GET / HTTP/9\r\n\r\n",
                "\0\r\n\r\n",
            ] {
                let socket = try UnixSocket.connect(to: machine.client.socketPath)
                try socket.writeAll(Array(text.utf8))
            }
            let start = await #expect(throws: SmartVMError.self) {
                try await machine.client.send(.performAction(.instanceStart))
            }
            #expect(start?.fault?.message.contains("without kernel configuration") == true)
            #expect(machine.child.isRunning)
            try await machine.configure()
            #expect(try await machine.shell("echo alive") == "alive\n")
        }
    }

    @Test("the guest's reset ends the process with 0")
    func reset() async throws {
        try await withMachine { machine in
            try await machine.configure()
            _ = try? await machine.shell("echo b > /proc/sysrq-trigger; sleep 60")
            try #require(machine.child.waitForEnd(timeout: .seconds(20)))
            #expect(try machine.child.waitUntilExit() == .exited(0))
        }
    }

    @Test("QEMU does not outlive a VMM that is killed", arguments: [SIGKILL, SIGTERM, SIGINT])
    func killedVMM(signal: Int32) async throws {
        try await withMachine { machine in
            try await machine.configure()
            let qemu = try machine.qemu()
            machine.child.kill(signal)
            #expect(machine.child.waitForEnd(timeout: .seconds(10)))
            #expect(qemu.waitForEnd(timeout: .seconds(10)))
            #expect(try machine.child.waitUntilExit() == .signaled(signal))
        }
    }

    @Test("the VMM ends when its QEMU is killed, with 1 and a reason")
    func killedQEMU() async throws {
        try await withMachine { machine in
            try await machine.configure()
            try machine.qemu().kill(SIGKILL)
            try #require(machine.child.waitForEnd(timeout: .seconds(10)))
            #expect(try machine.child.waitUntilExit() == .exited(1))
        }
    }
}
