import Glibc
import Linux
import Synchronization
import Testing

@testable import SmartVM

/// Which requests the operations of a VM make, and in which states.
@Suite("MicroVM's operations", .timeLimit(.minutes(2)))
struct MicroVMOperationTests {
    typealias Call = @Sendable (MicroVM) async throws -> Void

    /// Each operation of a VM that was started, with its request.
    static let calls: [(name: String, request: String, call: Call)] = [
        ("getInfo", "GET /", { _ = try await $0.getInfo() }),
        ("getVersion", "GET /version", { _ = try await $0.getVersion() }),
        ("getMachineConfig", "GET /machine-config", { _ = try await $0.getMachineConfig() }),
        ("getMetadata", "GET /mmds", { _ = try await $0.getMetadata() }),
        ("setMetadata", "PUT /mmds", { try await $0.setMetadata(["role": "web"]) }),
        ("updateMetadata", "PATCH /mmds", { try await $0.updateMetadata(["role": "db"]) }),
        ("updateDrive", "PATCH /drives/data", { try await $0.updateDrive("data", pathOnHost: "/srv/x") }),
        (
            "updateNetworkInterface", "PATCH /network-interfaces/eth0",
            { try await $0.updateNetworkInterface("eth0", rxRateLimiter: RateLimiter()) }
        ),
        ("updatePmem", "PATCH /pmem/p", { try await $0.updatePmem("p", rateLimiter: RateLimiter()) }),
        ("addDrive", "PUT /drives/d", { try await $0.addDrive(Drive(driveId: "d", isRootDevice: false)) }),
        ("removeDrive", "DELETE /drives/d", { try await $0.removeDrive("d") }),
        (
            "addNetworkInterface", "PUT /network-interfaces/e",
            { try await $0.addNetworkInterface(NetworkInterface(ifaceId: "e", hostDevName: "tap9")) }
        ),
        ("removeNetworkInterface", "DELETE /network-interfaces/e", { try await $0.removeNetworkInterface("e") }),
        ("addPmem", "PUT /pmem/p", { try await $0.addPmem(Pmem(id: "p", pathOnHost: "/srv/p")) }),
        ("removePmem", "DELETE /pmem/p", { try await $0.removePmem("p") }),
        ("getBalloon", "GET /balloon", { _ = try await $0.getBalloon() }),
        ("updateBalloon", "PATCH /balloon", { try await $0.updateBalloon(amountMib: 16) }),
        (
            "updateBalloonStatsInterval", "PATCH /balloon/statistics",
            { try await $0.updateBalloonStatsInterval(seconds: 2) }
        ),
        ("startBalloonHinting", "PATCH /balloon/hinting/start", { try await $0.startBalloonHinting() }),
        ("stopBalloonHinting", "PATCH /balloon/hinting/stop", { try await $0.stopBalloonHinting() }),
        ("flushMetrics", "PUT /actions", { try await $0.flushMetrics() }),
    ]

    private static let answer: StubVMM.Handler = { request in
        switch request {
        case "GET /":
            .json(#"{"id":"x","state":"Running","vmm_version":"1.16.1","app_name":"Firecracker"}"#)
        case "GET /version": .json(#"{"firecracker_version":"1.16.1"}"#)
        case "GET /machine-config": .json(#"{"vcpu_count":1,"mem_size_mib":128}"#)
        case "GET /mmds": .json("{}")
        case "GET /balloon": .json(#"{"amount_mib":1,"deflate_on_oom":false}"#)
        default: .done
        }
    }

    @Test("each makes its request, running and paused, and none before the start or after the end")
    func requests() async throws {
        try await StubVMM.serving(Self.answer) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            for (name, _, call) in Self.calls {
                let error = await #expect(throws: SmartVMError.self, "\(name)") { try await call(vm) }
                #expect(error?.code == (name.hasPrefix("get") && Self.isQuestion(name) ? .noClient : .invalidState))
            }
            #expect(stub.requests.isEmpty)
            try await vm.start()
            for (name, request, call) in Self.calls {
                try await call(vm)
                #expect(stub.requests.last == request, "\(name)")
            }
            try await vm.pause()
            #expect(stub.requests.last == "PATCH /vm")
            #expect(await vm.state == .paused)
            for (name, request, call) in Self.calls {
                try await call(vm)
                #expect(stub.requests.last == request, "\(name)")
            }
            try await vm.resume()
            try await vm.sendCtrlAltDel()
            #expect(stub.requests.last == "PUT /actions")
            await vm.stop(.quick)
            let count = stub.requests.count
            for (name, _, call) in Self.calls {
                await #expect(throws: SmartVMError.self, "\(name)") { try await call(vm) }
            }
            #expect(stub.requests.count == count)
        }
    }

    /// Those that ask the VMM only for what it is; all others depend on what the VM does.
    private static func isQuestion(_ name: String) -> Bool {
        ["getInfo", "getVersion", "getConfiguration", "getMachineConfig"].contains(name)
    }

    @Test("pause and resume follow the VMM: what it refuses does not happen")
    func refusedPause() async throws {
        let refuses = Mutex(true)
        let handler: StubVMM.Handler = { request in
            request == "PATCH /vm" && refuses.withLock { $0 } ? .fault("not now") : .done
        }
        try await StubVMM.serving(handler) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.start()
            let error = await #expect(throws: SmartVMError.self) { try await vm.pause() }
            #expect(error?.fault?.message == "not now")
            #expect(await vm.state == .running)
            let wrong = await #expect(throws: SmartVMError.self) { try await vm.resume() }
            #expect(wrong?.code == .invalidState)
            refuses.withLock { $0 = false }
            try await vm.pause()
            #expect(await vm.state == .paused)
            let exec = await #expect(throws: SmartVMError.self) { try await vm.exec(["true"]) }
            #expect(exec?.code == .invalidState)
            await vm.stop(.quick)
        }
    }

    @Test("the machine can be changed until it is started, but not into a wrong one")
    func machineConfig() async throws {
        try await StubVMM.serving { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.updateMachineConfig(MachineConfigUpdate(vcpuCount: 2))
            #expect(await vm.config.machineConfig.vcpuCount == 2)
            let wrong = await #expect(throws: SmartVMError.self) {
                try await vm.updateMachineConfig(MachineConfigUpdate(vcpuCount: 33))
            }
            #expect(wrong?.code == .invalidConfiguration)
            #expect(await vm.config.machineConfig.vcpuCount == 2)
            try await vm.start()
            let late = await #expect(throws: SmartVMError.self) {
                try await vm.updateMachineConfig(MachineConfigUpdate(vcpuCount: 1))
            }
            #expect(late?.code == .invalidState)
            await vm.stop(.quick)
        }
    }

    @Test("a snapshot needs a paused VM; one that fails leaves no file")
    func failedSnapshot() async throws {
        try await StubVMM.serving({ $0 == "PUT /snapshot/create" ? .fault("disk full") : .done }) { stub in
            let vm = try await stub.smartVM().createVM(StubVMM.config)
            try await vm.start()
            let files = (state: "\(stub.directory)/state", memory: "\(stub.directory)/memory")
            let running = await #expect(throws: SmartVMError.self) {
                _ = try await vm.createSnapshot(snapshotPath: files.state, memFilePath: files.memory)
            }
            #expect(running?.code == .invalidState && running?.cure == "Pause it first.")
            try await vm.pause()
            let failing = Task {
                try await vm.createSnapshot(snapshotPath: files.state, memFilePath: files.memory)
            }
            let failed = await #expect(throws: SmartVMError.self) { _ = try await failing.value }
            #expect(failed?.fault?.message == "disk full")
            #expect(!File.exists(files.state) && !File.exists(files.memory))
            await vm.stop(.quick)
        }
    }

    @Test("a VM is restored by one request, and is paused if that was asked for")
    func restore() async throws {
        try await StubVMM.serving { stub in
            let smartVM = try stub.smartVM()
            let files = (state: "\(stub.directory)/state", memory: "\(stub.directory)/memory")
            let snapshot = Snapshot(snapshotPath: files.state, memFilePath: files.memory, hasAgent: false)
            let missing = await #expect(throws: SmartVMError.self) { _ = try await smartVM.restoreVM(snapshot) }
            #expect(missing?.code == .invalidFile)
            #expect(smartVM.vmCount == 0)
            for path in [files.state, files.memory] { try File.write([], to: path) }
            let vm = try await smartVM.restoreVM(snapshot, id: "copy", RestoreOptions(resume: false))
            #expect(stub.requests == ["PUT /snapshot/load"])
            #expect(await vm.state == .paused)
            try await vm.resume()
            #expect(await vm.state == .running)
            #expect(smartVM.getVM("copy") === vm)
            await smartVM.cleanup()
        }
    }

    @Test("a VM of one's own serves its API where it was told to, and takes the place of a dead socket only")
    func socketPath() async throws {
        try await StubVMM.serving { stub in
            let path = "\(stub.directory)/own.sock"
            func vm() throws -> MicroVM {
                try MicroVM(
                    "own", StubVMM.config, firecrackerBinaryPath: stub.path, socketPath: path,
                    networkManager: NetworkManager(), dataDirectory: DataDirectory(path: "\(stub.directory)/data"))
            }
            do {
                let live = try UnixSocket.listen(at: path)
                let error = await #expect(throws: SmartVMError.self) { try await vm().start() }
                #expect(error?.code == .invalidConfiguration)
                #expect(error?.message.contains(path) == true)
                withExtendedLifetime(live) {}
            }
            // The listener has gone, its file has not.
            #expect(File.exists(path))
            let first = try vm()
            try await first.start()
            #expect(try await first.getInfoOrFault() == "done")
            await first.stop(.quick)
        }
    }
}

extension MicroVM {
    /// The stub answers 204 to everything: that it is asked is what counts.
    fileprivate func getInfoOrFault() async throws -> String {
        try await flushMetrics()
        return "done"
    }
}
