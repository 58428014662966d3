import Linux
import Testing

@testable import SmartVM

@Suite("SmartVM")
struct SmartVMTests {
    @Test("VMs are listed in the order of their creation, and forgotten when they are removed")
    func registry() async throws {
        try await withTemporaryDirectory { directory in
            let smartVM = try SmartVM(SmartVMOptions(dataDir: directory))
            var config = StubVMM.config
            for name in ["c", "a", "b"] {
                config.id = name
                _ = try await smartVM.createVM(config)
            }
            #expect(smartVM.listVMs() == ["c", "a", "b"])
            #expect(await smartVM.removeVM("a"))
            #expect(await smartVM.removeVM("a") == false)
            #expect(smartVM.listVMs() == ["c", "b"] && smartVM.vmCount == 2)
            #expect(smartVM.getVM("a") == nil)
            let taken = await #expect(throws: SmartVMError.self) { _ = try await smartVM.createVM(config) }
            #expect(taken?.code == .nameInUse && taken?.message.contains("b") == true)
            let reports = await smartVM.stopAll()
            #expect(Set(reports.keys) == ["b", "c"])
            #expect(smartVM.vmCount == 2)
            #expect(await smartVM.getVM("b")?.state == .stopped)
            await smartVM.cleanup()
            #expect(smartVM.vmCount == 0 && smartVM.listVMs() == [])
        }
    }

    @Test("a wrong configuration is refused with all that is wrong, and not kept")
    func invalid() async throws {
        try await withTemporaryDirectory { directory in
            let smartVM = try SmartVM(SmartVMOptions(dataDir: directory))
            var config = StubVMM.config
            config.machineConfig.vcpuCount = 33
            config.machineConfig.memSizeMib = 0
            let error = await #expect(throws: SmartVMError.self) { _ = try await smartVM.createVM(config) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("vcpuCount") == true && error?.message.contains("memSizeMib") == true)
            #expect(smartVM.vmCount == 0)
        }
    }

    @Test("a hundred VMs are created at once in half a second, and hold nothing")
    func parallel() async throws {
        try await withTemporaryDirectory { directory in
            let smartVM = try SmartVM(SmartVMOptions(dataDir: directory))
            let before = try FileTree.names(at: "/proc/self/fd").count
            let duration = try await ContinuousClock().measure {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<100 { group.addTask { _ = try await smartVM.createVM(StubVMM.config) } }
                    try await group.waitForAll()
                }
            }
            #expect(duration < .milliseconds(500))
            #expect(Set(smartVM.listVMs()).count == 100)
            #expect(try FileTree.names(at: directory) == [])
            #expect(try FileTree.names(at: "/proc/self/fd").count <= before + 2)
            await smartVM.cleanup()
            #expect(smartVM.vmCount == 0)
        }
    }

    @Test("options that cannot work are refused at once")
    func options() async throws {
        try await withTemporaryDirectory { directory in
            for (options, code) in [
                (SmartVMOptions(dataDir: directory, subnet: "10.0.0.0/31"), .invalidSubnet),
                (SmartVMOptions(dataDir: directory, bridgeName: "bad bridge"), .invalidInterfaceName),
                (SmartVMOptions(dataDir: "/proc/nothing"), .dataDirectoryUnusable),
                (SmartVMOptions(dataDir: directory, arch: "riscv64"), .invalidConfiguration),
                (SmartVMOptions(dataDir: directory, maxStoredBaseImages: 0), .invalidImageCacheLimit),
            ] as [(SmartVMOptions, SmartVMError.Code)] {
                let error = #expect(throws: SmartVMError.self) { _ = try SmartVM(options) }
                #expect(error?.code == code)
            }
            let foreign = try SmartVM(
                SmartVMOptions(dataDir: directory, arch: HostArchitecture.all.first { $0 != HostArchitecture.name }))
            let vm = try await foreign.createVM(StubVMM.config)
            let error = await #expect(throws: SmartVMError.self) { try await vm.start() }
            #expect(error?.code == .unsupportedArchitecture)
        }
    }

    @Test("what a body throws ends its VM, and is thrown on")
    func scope() async throws {
        struct Mistake: Error {}
        try await StubVMM.serving { stub in
            let smartVM = try stub.smartVM()
            await #expect(throws: Mistake.self) {
                try await smartVM.withVM(StubVMM.config) { vm in
                    #expect(smartVM.getVM(vm.id) === vm)
                    throw Mistake()
                }
            }
            #expect(smartVM.vmCount == 0)
            stub.expectNothingLeft()
        }
    }

    @Test("the VMs of a killed process are taken back before the next one starts")
    func reclaim() async throws {
        try await StubVMM.serving { stub in
            let ghost = "\(stub.directory)/data/run/ghost"
            try FileTree.makeDirectories(ghost, mode: 0o700)
            try File.write([], to: "\(ghost)/owner.lock")
            let outside = "\(stub.directory)/outside.sock"
            do { _ = try UnixSocket.listen(at: outside) }
            try File.write([], to: "\(stub.directory)/file")
            try File.write(Array("\(outside)\n\(stub.directory)/file\n".utf8), to: "\(ghost)/sockets")
            let smartVM = try stub.smartVM()
            let vm = try await smartVM.createVM(StubVMM.config)
            try await vm.start()
            #expect(!File.exists(ghost) && !File.exists(outside))
            #expect(File.exists("\(stub.directory)/file"))
            await smartVM.cleanup()
        }
    }
}
