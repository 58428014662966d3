import Glibc
import Linux
import Testing

@testable import SmartVM

/// The life of VMs with real guests, by the library.
@Suite("MicroVM", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct MicroVMTests {
    private func config(_ name: String) -> VMConfig {
        VMConfig(id: uniqueName(name), image: "minimal", machineConfig: .init(vcpuCount: 1, memSizeMib: 256))
    }

    private func expectNothingLeft(_ id: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(Traces.directories(id) == [], sourceLocation: sourceLocation)
        #expect(Traces.processes(id) == [], sourceLocation: sourceLocation)
    }

    @Test("start, look, pause, resume, balloon, and a stop that the guest is asked for")
    func life() async throws {
        let smartVM = try SmartVM()
        var config = config("life")
        config.balloon = .init(amountMib: 0, statsPollingIntervalS: 1)
        let vm = try await smartVM.createVM(config)
        try await vm.start()
        #expect(await vm.state == .running)
        #expect(await vm.guestBootTime ?? .zero > .zero)
        #expect(try await vm.getInfo().state == .running)
        #expect(try await vm.getInfo().id == vm.id)
        #expect(try await vm.getVersion().hasPrefix("1."))
        #expect(try await vm.getConfiguration().machineConfig.memSizeMib == 256)
        #expect(try await vm.exec(["hostname"]).standardOutput == "\(vm.id)\n")
        let machineID = try await vm.exec(["cat", "/etc/machine-id"]).standardOutput
        #expect(machineID.utf8.count == 33)

        try await vm.pause()
        #expect(await vm.state == .paused)
        #expect(try await vm.getInfo().state == .paused)
        let refused = await #expect(throws: SmartVMError.self) { try await vm.exec(["true"]) }
        #expect(refused?.code == .invalidState)
        // Two seconds in which the guest's clock stands still.
        try await Task.sleep(for: .seconds(2))
        try await vm.resume()
        let seconds = try await vm.exec(["date", "+%s"]).standardOutput.trimmed
        let difference = time(nil) - (Int(seconds) ?? 0)
        #expect((0...1).contains(difference))

        try await vm.updateBalloon(amountMib: 64)
        #expect(try await vm.getBalloon().amountMib == 64)
        var inflated = false
        for _ in 0..<100 where !inflated {
            inflated = try await vm.getBalloonStatistics().actualMib == 64
            if !inflated { try await Task.sleep(for: .milliseconds(50)) }
        }
        #expect(inflated)
        #expect(try await vm.exec(["cat", "/etc/machine-id"]).standardOutput == machineID)

        async let exit = vm.waitUntilExit()
        let report = await vm.stop()
        #expect(report.endedBy == .guest, "\(report)")
        #expect(report.attempts.count == 1 && report.problems.isEmpty)
        #expect(try await exit == .stopped(.guest))
        #expect(await vm.state == .stopped)
        expectNothingLeft(vm.id)
        #expect(await vm.stop().exit == .stopped(.guest))
    }

    @Test("a guest that shuts down ends its VM")
    func guestShutDown() async throws {
        let smartVM = try SmartVM()
        let vm = try await smartVM.createVM(config("off"))
        try await vm.start()
        // The agent is told as init(8) is.
        #expect(try await vm.exec(["kill", "-TERM", "1"]).exitStatus >= 0)
        #expect(try await vm.waitUntilExit() == .guestShutDown)
        #expect(await vm.state == .stopped)
        expectNothingLeft(vm.id)
        let error = await #expect(throws: SmartVMError.self) { try await vm.exec(["true"]) }
        #expect(error?.code == .invalidState)
    }

    @Test("without the agent's help, three keys; a paused guest is not asked at all")
    func ladder() async throws {
        let smartVM = try SmartVM()
        let vm = try await smartVM.createVM(config("keys"))
        try await vm.start()
        let report = await vm.stop(StopPolicy(guest: nil, ctrlAltDel: .seconds(20)))
        #expect(report.endedBy == .ctrlAltDel, "\(report)")
        expectNothingLeft(vm.id)

        // One that no SmartVM knows of, with its API where it was told to serve it.
        let name = uniqueName("still")
        let socket = "/tmp/smartvm-\(name).sock"
        let paused = try MicroVM(
            name, config(name), firecrackerBinaryPath: try VMMSelection.qemu.resolve(in: DataDirectory()).path,
            socketPath: socket, networkManager: NetworkManager())
        // The guest need not be up for this.
        try await paused.start(StartOptions(waitsForAgent: false))
        #expect(try await SocketClient(socketPath: socket).instanceInfo().id == name)
        try await paused.pause()
        let second = await paused.stop()
        #expect(second.attempts.map(\.rung) == [.guest, .ctrlAltDel, .terminate], "\(second)")
        #expect(second.endedBy == .terminate)
        #expect(!File.exists(socket))
        expectNothingLeft(paused.id)
    }

    @Test("cancelling a boot at any moment leaves nothing")
    func cancelledBoots() async throws {
        let smartVM = try SmartVM()
        for milliseconds in [0, 3, 10, 40, 200, 900] {
            let vm = try await smartVM.createVM(config("cancel"))
            let task = Task { try await vm.start() }
            try await Task.sleep(for: .milliseconds(milliseconds))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // One that is cancelled before it begins has not begun.
            #expect([.created, .failed].contains(await vm.state))
            expectNothingLeft(vm.id)
        }
    }

    @Test("a VM's interface has an address, a gateway and metadata; all of it goes with the VM")
    func network() async throws {
        guard try await NetworkTestProcess.enter("MicroVMTests/network") else { return }
        let smartVM = try SmartVM()
        var config = config("net")
        config.networkInterfaces = [.init(ifaceId: "eth0")]
        let vm = try await smartVM.createVM(config)
        try await vm.start()
        let interfaces = try NetworkHost.interfaces()
        #expect(interfaces.count == 2, "\(interfaces)")
        let output = try await vm.exec(["sh", "-c", "ip addr show eth0; ip route; ping -c 1 -w 5 172.30.0.1"])
        #expect(output.standardOutput.contains("172.30.0.2/24"), "\(output)")
        #expect(output.standardOutput.contains("default via 172.30.0.1"))
        #expect(output.standardOutput.contains(" 0% packet loss"))
        let mac = smartVM.networkManager.generateMac(vm.id, "eth0")
        #expect(output.standardOutput.contains(mac))
        let report = await vm.stop(.quick)
        #expect(report.problems == [])
        #expect(try NetworkHost.interfaces() == [])
        expectNothingLeft(vm.id)

        // What a start that fails has made goes, too.
        config.id = uniqueName("net")
        config.drives = [.init(driveId: "data", pathOnHost: "/nonexistent")]
        let failing = try await smartVM.createVM(config)
        await #expect(throws: SmartVMError.self) { try await failing.start() }
        #expect(try NetworkHost.interfaces() == [])
    }
}
