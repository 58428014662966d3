import SmartVM
import Testing

@Suite("Seed: MicroVM")
struct MicroVMSeedTests {
    @Test("MicroVM - invalid lifecycle calls should throw SmartVMError")
    func invalidLifecycleCalls() async throws {
        let vm = try MicroVM(
            "lifecycle-vm", VMConfigSeedTests.sampleConfig, firecrackerBinaryPath: "/bin/false",
            socketPath: "/tmp/smartvm-lifecycle.sock", networkManager: NetworkManager())
        let pauseError = await #expect(throws: SmartVMError.self) { try await vm.pause() }
        #expect(pauseError?.code.rawValue == "INVALID_STATE")
        let infoError = await #expect(throws: SmartVMError.self) { _ = try await vm.getInfo() }
        #expect(infoError?.code.rawValue == "NO_CLIENT")
    }
}
