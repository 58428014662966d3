import SmartVM
import Testing

@Suite("Seed: SmartVM")
struct SmartVMSeedTests {
    @Test("SmartVM - instantiation with defaults")
    func defaults() throws {
        let smartvm = try SmartVM()
        #expect(smartvm.imageManager.directory.hasPrefix("/"))
        #expect(smartvm.baseImageManager.cacheDir.hasSuffix("images"))
        #expect(smartvm.networkManager.options.subnet == "172.30.0.0/24")
        #expect(smartvm.vmCount == 0)
        #expect(smartvm.listVMs().isEmpty)
    }

    @Test("SmartVM - instantiation with custom options")
    func customOptions() async throws {
        try await withTemporaryDirectory { directory in
            let smartvm = try SmartVM(
                SmartVMOptions(dataDir: directory, arch: "aarch64", bridgeName: "testbr0", subnet: "10.0.0.0/24"))
            #expect(smartvm.networkManager.options.bridgeName == "testbr0")
        }
    }

    @Test("SmartVM - createVM() should track created VMs")
    func createVM() async throws {
        try await withTemporaryDirectory { directory in
            let smartvm = try SmartVM(SmartVMOptions(dataDir: directory, firecrackerBinaryPath: "/bin/false"))
            let vm = try await smartvm.createVM(VMConfigSeedTests.sampleConfig)
            #expect(smartvm.vmCount == 1)
            #expect(smartvm.getVM(vm.id) === vm)
            #expect(smartvm.listVMs() == [vm.id])
            await smartvm.cleanup()
            #expect(smartvm.vmCount == 0)
        }
    }
}
