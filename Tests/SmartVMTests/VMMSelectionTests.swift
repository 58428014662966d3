import Foundation
import Testing

@testable import SmartVM

@Suite("Which VMM is used")
struct VMMSelectionTests {
    let directory: TestDirectory
    let environment: HostEnvironment
    let data: DataDirectory

    static let fast = KVMProbe(judgement: .usable(instructionsPerSecond: 1e9))
    static let slow = KVMProbe(judgement: .tooSlow(instructionsPerSecond: 1.6e6))

    init() throws {
        directory = try TestDirectory()
        environment = HostEnvironment(
            variables: ["PATH": directory.path], user: 0, executable: "\(directory.path)/smartvm")
        data = DataDirectory(path: "\(directory.path)/data")
        _ = try directory.program("smartvm-qemu", "exit 0")
        _ = try directory.program(HostEnvironment.qemuSystem, "exit 0")
    }

    @Test("without firecracker it is smartvm-qemu, and KVM does not matter")
    func noFirecracker() throws {
        let vmm = try VMMSelection.automatic.resolve(in: data, environment: environment, probe: Self.fast)
        #expect(vmm.kind == .qemu)
        #expect(vmm.path == "\(directory.path)/smartvm-qemu")
        #expect(vmm.reason.contains("not installed"))
    }

    @Test("firecracker is used where KVM is usable, and only there")
    func firecracker() throws {
        let path = try directory.program("firecracker", "exit 0")
        let fast = try VMMSelection.automatic.resolve(in: data, environment: environment, probe: Self.fast)
        #expect(fast.kind == .firecracker && fast.path == path)
        let slow = try VMMSelection.automatic.resolve(in: data, environment: environment, probe: Self.slow)
        #expect(slow.kind == .qemu)
        #expect(slow.reason.contains("1.6 million"))
    }

    @Test("what is asked for is used, whatever KVM does")
    func asked() throws {
        #expect(throws: SmartVMError.self) {
            try VMMSelection("firecracker").resolve(in: data, environment: environment, probe: Self.fast)
        }
        let path = try directory.program("firecracker", "exit 0")
        #expect(
            try VMMSelection("firecracker").resolve(in: data, environment: environment, probe: Self.slow).path == path)
        #expect(try VMMSelection("qemu").resolve(in: data, environment: environment, probe: Self.fast).kind == .qemu)
        let own = try directory.program("my-qemu-vmm", "exit 0")
        #expect(
            try VMMSelection(own).resolve(in: data, environment: environment)
                == VMM(kind: .qemu, path: own, reason: "It was asked for."))
        #expect(try VMMSelection(path).resolve(in: data, environment: environment).kind == .firecracker)
    }

    @Test("what is not there is named, with what to do")
    func missing() throws {
        let error = #expect(throws: SmartVMError.self) {
            try VMMSelection("\(directory.path)/none").resolve(in: data, environment: environment)
        }
        #expect(error?.code == .vmmNotFound && error?.message.contains("none") == true)
        var elsewhere = environment
        elsewhere.variables["SMARTVM_QEMU"] = "/nonexistent"
        let missing = #expect(throws: SmartVMError.self) {
            try VMMSelection.qemu.resolve(in: data, environment: elsewhere)
        }
        #expect(missing?.message.contains("SMARTVM_QEMU=/nonexistent") == true)
    }

    @Test("companions are found beside the executable, then in libexec, and a variable goes before both")
    func companions() throws {
        let other = try TestDirectory()
        try FileManager.default.createDirectory(
            atPath: "\(other.path)/libexec/smartvm", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: "\(other.path)/bin", withIntermediateDirectories: true)
        _ = try other.program("libexec/smartvm/smartvm-x", "exit 0")
        var environment = HostEnvironment(variables: [:], user: 0, executable: "\(other.path)/bin/smartvm")
        #expect(environment.companion("smartvm-x", variable: "X") == "\(other.path)/bin/../libexec/smartvm/smartvm-x")
        let beside = try other.program("bin/smartvm-x", "exit 0")
        #expect(environment.companion("smartvm-x", variable: "X") == beside)
        let named = try other.program("named", "exit 0")
        environment.variables["X"] = named
        #expect(environment.companion("smartvm-x", variable: "X") == named)
        environment.variables["X"] = "/nonexistent"
        #expect(environment.companion("smartvm-x", variable: "X") == nil)
    }
}
