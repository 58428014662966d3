import Glibc
import Linux
import Testing

@testable import SmartVM

/// What is true of sandboxes whose processes were killed; nothing is booted.
@Suite("SandboxManager")
struct SandboxManagerTests {
    private let dead = ProcessIdentity(pid: 1 << 22, startTime: 1, bootID: "another boot")

    private func withManager(_ body: (SandboxManager, DataDirectory) async throws -> Void) async throws {
        let directory = try TestDirectory()
        let data = DataDirectory(path: directory.path)
        try await body(try SmartVM(SmartVMOptions(dataDir: data.path)).sandboxes, data)
    }

    private func config(_ name: String) -> SandboxConfig {
        SandboxConfig(vm: VMConfig(id: name, image: "minimal"))
    }

    @Test("one that was made is listed, found, renamed and removed, and nothing is left")
    func life() async throws {
        try await withManager { manager, data in
            let sandbox = try await manager.create(config("web"))
            let value1 = try await manager.list()
            #expect(value1 == [])
            let all = try await manager.list(all: true)
            let info = try #require(all.first)
            #expect(info.name == "web" && info.state == .created && info.image == "minimal" && info.id == sandbox.id)
            let value2 = try await manager.get("web").id
            #expect(value2 == sandbox.id)
            let value3 = try await manager.get(String(sandbox.id.prefix(4))).id
            #expect(value3 == sandbox.id)
            let value4 = try await sandbox.config
            #expect(value4 == config("web"))
            try await sandbox.rename(to: "shop")
            let value5 = try await sandbox.config.vm.id
            #expect(value5 == "shop")
            let value6 = try await sandbox.wait()
            #expect(value6 == 0)
            try await sandbox.stop()
            let refused = await #expect(throws: SmartVMError.self) { try await sandbox.kill() }
            #expect(refused?.code == .invalidState)
            try await sandbox.remove()
            #expect(try FileTree.names(at: "\(data.path)/vms") == [])
            let missing = await #expect(throws: SmartVMError.self) { try await sandbox.start() }
            #expect(missing?.code == .noSuchVM)
            #expect(try FileTree.names(at: "\(data.path)/vms") == [])
        }
    }

    @Test("what cannot be a sandbox is refused before anything is made")
    func refusals() async throws {
        try await withManager { manager, data in
            var interface = config("a")
            interface.vm.networkInterfaces = [.init(ifaceId: "eth0")]
            interface.networks = []
            var small = config("b")
            small.diskSize = 1
            for config in [interface, small, config("no/name")] {
                let error = await #expect(throws: SmartVMError.self) { try await manager.create(config) }
                #expect(error?.code == .invalidConfiguration)
            }
            let infos = try await manager.list(all: true)
            #expect(infos == [])
            #expect(!FileTree.exists("\(data.path)/vms"))
        }
    }

    @Test(
        "a supervisor that is gone is an end that is told as such, and a making or removing that was cut short is finished"
    )
    func reconciliation() async throws {
        try await withManager { manager, data in
            let ran = try await manager.create(config("ran"))
            let half = try await manager.create(config("half"))
            let going = try await manager.create(config("going"))
            let store = Store(path: "\(data.path)/smartvm.db")
            try store.update(vm: ran.id) { record in
                record.phase = .active
                record.owner = dead
                record.generation = 1
            }
            try store.update(vm: half.id) { record in
                record.phase = .creating
                record.owner = dead
            }
            try store.update(vm: going.id) { $0.phase = .removing }
            try FileTree.makeDirectories("\(data.path)/run/\(ran.id)")
            try File.write([], to: "\(data.path)/run/\(ran.id)/owner.lock")

            let infos = try await manager.list(all: true)
            #expect(infos.map(\.name) == ["ran"])
            #expect(infos.first?.state == .exited && infos.first?.exitStatus == 137)
            #expect(infos.first?.error == "The host was restarted while it ran.")
            #expect(!FileTree.exists("\(data.path)/run/\(ran.id)"))
            #expect(try FileTree.names(at: "\(data.path)/vms") == [ran.id])
            let value7 = try await manager.reconcile()
            #expect(value7 == [])

            try FileTree.makeDirectories("\(data.path)/vms/ffffffffffff")
            let value8 = try await manager.reconcile()
            #expect(value8 == ["ffffffffffff: removed its directory"])
        }
    }
}
