import SmartVM
import Testing

@Suite("VMConfig")
struct VMConfigTests {
    @Test("an empty configuration is a valid one")
    func valid() {
        #expect(VMConfig().validate().isEmpty)
        #expect(VMConfig(id: "web-1", machineConfig: .init(vcpuCount: 32, memSizeMib: 4096)).validate().isEmpty)
    }

    @Test("every mistake has its sentence, all at once")
    func invalid() {
        let errors = VMConfig(
            id: "-x", bootSource: .init(bootArgs: String(repeating: "a", count: 2048)),
            machineConfig: .init(vcpuCount: 33, memSizeMib: 0),
            drives: [
                .init(driveId: "a", pathOnHost: "/x", isRootDevice: true),
                .init(driveId: "a", pathOnHost: "/y\0", isRootDevice: true), .init(driveId: "b/c", pathOnHost: "/z"),
            ],
            hostname: "a..b"
        ).validate()
        for expected in [
            "the name '-x'", "the host name 'a..b'", "vcpuCount must be between 1 and 32, not 33",
            "memSizeMib must be at least 1",
            "only one drive", "different driveIds", "the driveId 'b/c'", "2048 bytes", "NUL",
        ] {
            #expect(errors.contains { $0.contains(expected) }, "nothing says \(expected)")
        }
    }

    @Test("the vCPU count's limits", arguments: [(0, false), (1, true), (32, true), (33, false), (-1, false)])
    func vcpus(count: Int, isValid: Bool) {
        #expect(VMConfig(machineConfig: .init(vcpuCount: count)).validate().isEmpty == isValid)
    }
}
