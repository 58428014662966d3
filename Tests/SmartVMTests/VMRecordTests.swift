import Foundation
import Linux
import SupervisorProtocol
import Testing

@testable import SmartVM

@Suite("VMs that are written down")
struct VMRecordTests {
    private func record(_ id: String, name: String, at time: Int64 = 1) -> VMRecord {
        VMRecord(
            id: id, name: name, phase: .idle, config: "{}", image: "minimal", command: "", machineID: "m",
            createdAt: time)
    }

    @Test("a VM is found by its name or the beginning of its id, and names are unique")
    func finding() throws {
        let store = Store(path: nil)
        try store.insert(record("aaaaaaaaaaa1", name: "web"))
        try store.insert(record("aaaaaaaaaaa2", name: "aaaa", at: 2))
        #expect(try store.vms(meantBy: "web").map(\.id) == ["aaaaaaaaaaa1"])
        // A name goes before an id.
        #expect(try store.vms(meantBy: "aaaa").map(\.id) == ["aaaaaaaaaaa2"])
        #expect(try store.vms(meantBy: "aaaaa").count == 2)
        #expect(try store.vms(meantBy: "aaaaaaaaaaa1").map(\.name) == ["web"])
        for text in ["", "*", "a?", "[a]", "%", "b"] { #expect(try store.vms(meantBy: text) == []) }
        #expect(try store.vms().map(\.name) == ["aaaa", "web"])
        let taken = #expect(throws: SmartVMError.self) { try store.insert(record("b", name: "web")) }
        #expect(taken?.code == .nameInUse)
        let renamed = #expect(throws: SmartVMError.self) { try store.update(vm: "aaaaaaaaaaa2") { $0.name = "web" } }
        #expect(renamed?.code == .nameInUse)
        try store.delete(vm: "aaaaaaaaaaa1")
        #expect(try store.update(vm: "aaaaaaaaaaa1") { $0.error = "x" } == nil)
    }

    @Test("everything that is written down is read again")
    func everything() throws {
        let store = Store(path: nil)
        var vm = record("0123456789ab", name: "n")
        vm.owner = ProcessIdentity(pid: 7, startTime: .max, bootID: "boot")
        vm.phase = .active
        vm.generation = 3
        vm.startedAt = 2
        vm.finishedAt = 3
        vm.exitStatus = 137
        vm.error = "why"
        vm.restarts = 4
        try store.insert(vm)
        #expect(try store.vm(vm.id) == vm)
    }

    @Test("a configuration is read as it was written, and restart policies by docker's words")
    func configuration() throws {
        let config = SandboxConfig(
            vm: VMConfig(id: "web", image: "minimal"),
            command: GuestCommand(
                ["sh", "-c", "exit 3"], environment: ["A": "b"], workingDirectory: "/", user: "nobody"),
            restart: .onFailure(limit: 3), lifetime: .seconds(90), stopTimeout: .milliseconds(1500), diskSize: 1 << 30,
            health: SandboxHealthCheck(GuestCommand(["true"]), interval: .milliseconds(500), onFailure: .kill),
            removesAtEnd: true, limits: SandboxLimits(memoryMib: 128))
        #expect(try JSONDecoder().decode(SandboxConfig.self, from: JSONEncoder().encode(config)) == config)
        for text in ["no", "always", "unless-stopped", "on-failure", "on-failure:7"] {
            #expect(SandboxRestart(text)?.description == text)
        }
        for text in ["", "never", "on-failure:", "on-failure:0", "always:3"] { #expect(SandboxRestart(text) == nil) }
    }

    @Test("the ladder of a stop is the library's own, without what cannot help")
    func steps() {
        #expect(
            Sandbox.steps(.seconds(10), hasAgent: true).map(\.means) == [.guest, .terminate, .kill])
        #expect(Sandbox.steps(.seconds(10), hasAgent: false).map(\.means) == [.ctrlAltDel, .terminate, .kill])
        #expect(Sandbox.steps(.zero, hasAgent: true).map(\.means) == [.kill])
        #expect(Sandbox.steps(.seconds(10), hasAgent: true).first?.milliseconds == 10_000)
    }
}
