import Glibc
import Linux
import Testing

@testable import SmartVM

/// A guest in a jail, which a double of the jailer makes; only root can do that.
@Suite("A VM in a jail", .serialized, BootCapability.trait, .enabled(if: geteuid() == 0), .timeLimit(.minutes(3)))
struct JailBootTests {
    private static func withJails(_ body: (JailerConfig) async throws -> Void) async throws {
        let top = "/tmp/\(uniqueName("sj"))"
        try FileTree.makeDirectories("\(top)/j", mode: 0o755)
        defer { try? FileTree.removeAll(top) }
        try File.write(Array(FakeJailer.script.utf8), to: "\(top)/jailer", mode: 0o755)
        try FileTree.setMode("\(top)/jailer", 0o755)
        try await body(
            JailerConfig(uid: 4242, gid: 4243, jailerBinaryPath: "\(top)/jailer", chrootBaseDir: "\(top)/j"))
    }

    private static func smartVM(_ config: JailerConfig) throws -> SmartVM {
        try SmartVM(
            SmartVMOptions(dataDir: EnvironmentVariable.value("SMARTVM_DATA_DIR"), vmm: "qemu", jailer: config))
    }

    @Test("a guest boots in a jail, is reached from outside, and nothing is left of it afterwards")
    func boot() async throws {
        try await Self.withJails { config in
            var config = config
            let pids = "/sys/fs/cgroup/pids"
            let hasPids = ControlGroups.ofHost.controllers["pids"] == pids && File.isWritable(pids)
            let parent = uniqueName("smartvm-test")
            if hasPids {
                config.cgroupVersion = .v1
                config.cgroups = ["pids.max": "500"]
                config.parentCgroup = parent
            }
            defer { rmdir("\(pids)/\(parent)") }
            config.resourceLimits.noFile = 1024
            let name = uniqueName("jailed")
            var pid = ""
            try await Self.smartVM(config).withVM(VMConfig(id: name, image: "minimal")) { vm in
                let output = try await vm.exec(["hostname"]).standardOutput
                #expect(output == "\(name)\n")
                #expect(try await vm.readFile("/proc/sys/kernel/hostname") == Array("\(name)\n".utf8))
                let info = try await vm.getInfo()
                // It is the process that was started, in its jail, as its user.
                let root = "\(config.chrootBaseDir)/smartvm-qemu/\(info.id)/root"
                pid = try File.readText("\(root)/smartvm-qemu.pid")
                let status = try File.readText("/proc/\(pid)/status")
                #expect(status.contains("Uid:\t4242\t4242\t4242\t4242") && status.contains("Gid:\t4243"))
                #expect(try File.linkTarget("/proc/\(pid)/root").hasSuffix("/root"))
                if hasPids {
                    #expect(try File.readText("/proc/\(pid)/cgroup").contains("pids:/\(parent)/\(info.id)"))
                }
            }
            #expect(!File.exists("/proc/\(pid)"))
            #expect(try FileTree.names(at: "\(config.chrootBaseDir)/smartvm-qemu") == [])
            #expect(MountPoints.below(config.chrootBaseDir).isEmpty)
            if hasPids { #expect(try FileTree.names(at: "\(pids)/\(parent)").allSatisfy { !$0.hasPrefix(name) }) }
            #expect(Traces.directories(name).isEmpty && Traces.processes(name).isEmpty)
        }
    }

    @Test("what a jailer or a VMM in a jail refuses is said in its words, and nothing is left")
    func refused() async throws {
        try await Self.withJails { config in
            // The real jailer would find this limit wrong only when it runs; the double always says so.
            let jailer = try File.readText(config.jailerBinaryPath ?? "")
            try File.write(
                Array(jailer.replacing("set -eu", with: "set -eu; echo 'Invalid uid: 7' >&2; exit 1").utf8),
                to: config.jailerBinaryPath ?? "", mode: 0o755)
            let name = uniqueName("refused")
            let error = await #expect(throws: SmartVMError.self) {
                try await Self.smartVM(config).withVM(VMConfig(id: name, image: "minimal")) { _ in }
            }
            #expect(error?.message.contains("Invalid uid: 7") == true, "\(error?.message ?? "")")
            #expect(try FileTree.names(at: "\(config.chrootBaseDir)/smartvm-qemu") == [])
            #expect(Traces.directories(name).isEmpty)
        }
    }
}
