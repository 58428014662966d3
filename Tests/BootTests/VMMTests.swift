import Glibc
import Linux
import Testing

@testable import SmartVM

/// `smartvm-qemu` by itself, over its API, with real guests: what any client of Firecracker would do.
@Suite("smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct VMMTests {
    private func withMachine(_ body: (VMMProgram) async throws -> Void) async throws {
        let machine = try await VMMProgram()
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
