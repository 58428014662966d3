import FirecrackerClient
import Glibc
import Linux
import SupervisorProtocol
import Synchronization
import Testing

@testable import SmartVM

/// Sandboxes that the database has lost, or that cannot be put right; nothing is booted.
@Suite("sandboxes that are lost or stuck")
struct SandboxStrayTests {
    private func manager(_ directory: borrowing TestDirectory) throws -> SandboxManager {
        try SmartVM(SmartVMOptions(dataDir: directory.path)).sandboxes
    }

    private func config(_ name: String) -> SandboxConfig {
        SandboxConfig(vm: VMConfig(id: name, image: "minimal"), command: GuestCommand(["true"]), diskSize: nil)
    }

    @Test("one that cannot be put right is said to be dead and why, and the list goes on")
    func dead() async throws {
        let directory = try TestDirectory()
        let manager = try manager(directory)
        let stuck = try await manager.create(config("stuck"))
        _ = try await manager.create(config("fine"))
        try manager.store.update(vm: stuck.id) { record in
            record.phase = .active
            record.generation = 1
            record.owner = ProcessIdentity(pid: 1 << 22, startTime: 1, bootID: "another boot")
        }
        let messages = Mutex<[String]>([])
        let note = { @Sendable (error: SmartVMError) in messages.withLock { $0.append(error.message) } }
        do {
            let held = try manager.host.directories.create(stuck.id)
            defer { withExtendedLifetime(held) {} }
            let states = try await manager.list(all: true, problem: note).map { "\($0.name) \($0.state)" }
            #expect(Set(states) == ["stuck dead", "fine created"])
            let done = try await manager.reconcile(problem: note)
            #expect(done == [])
            let said = messages.withLock { $0 }
            #expect(said.count == 2 && said.allSatisfy { $0.contains("stuck is in use") }, "\(said)")
        }
        let states = try await manager.list(all: true).map { "\($0.name) \($0.state)" }
        #expect(Set(states) == ["stuck exited", "fine created"])
    }

    @Test("those that the database has lost are named by a list, and taken in again with all that they were")
    func lostDatabase() async throws {
        let directory = try TestDirectory()
        let ids: [String]
        let before: [SandboxInfo]
        do {
            let manager = try manager(directory)
            ids = [try await manager.create(config("web")).id, try await manager.create(config("shop")).id]
            before = try await manager.list(all: true)
        }
        for name in try FileTree.names(at: directory.path) where name.hasPrefix("smartvm.db") {
            unlink("\(directory.path)/\(name)")
        }
        let manager = try manager(directory)
        let messages = Mutex<[String]>([])
        let none = try await manager.list(all: true) { error in messages.withLock { $0.append(error.message) } }
        #expect(none == [] && messages.withLock { $0.first?.contains("2 VMs") } == true)
        // One name has been given to another meanwhile.
        let other = try await manager.create(config("web"))
        let done = try await manager.reconcile()
        #expect(
            Set(done) == ["shop: taken in again, it does not run", "vm-\(ids[0]): taken in again, it does not run"])
        let after = try await manager.list(all: true) { Issue.record("\($0)") }
        #expect(after.count == 3 && Set(after.map(\.id)) == Set(ids + [other.id]))
        #expect(after.first { $0.id == ids[1] } == before.first { $0.id == ids[1] })
        let config = try await manager.get("shop").config
        #expect(config == self.config("shop"))
        for info in after { try await manager.get(info.id).remove() }
        #expect(try FileTree.names(at: "\(directory.path)/vms") == [])
    }

    @Test("a life after the loss of database and plan is newer than all whose events there are")
    func lostPlan() async throws {
        let directory = try TestDirectory()
        let id: String
        do {
            let sandbox = try await manager(directory).create(config("web"))
            id = sandbox.id
            let events = [(1, 2), (4, 1), (3, 9)].map { generation, sequence in
                LifeEvent(generation: generation, sequence: sequence, time: 1, action: "start", attributes: [])
            }
            try File.write(
                events.flatMap { $0.json(showsNulls: false) + [0x0a] }, to: sandbox.directory.eventsPath)
        }
        for name in try FileTree.names(at: directory.path) where name.hasPrefix("smartvm.db") {
            unlink("\(directory.path)/\(name)")
        }
        let manager = try manager(directory)
        #expect(try await manager.reconcile() == ["web: taken in again, it does not run"])
        #expect(try manager.store.vm(id)?.generation == 4)
    }

    @Test("events go on beside one that cannot be put right; whom another command has put right is forgotten")
    func events() async throws {
        let directory = try TestDirectory()
        let manager = try manager(directory)
        let (stuck, fine) = (try await manager.create(config("stuck")), try await manager.create(config("fine")))
        let own = try ProcessIdentity(of: getpid())
        let gone = ProcessIdentity(pid: 1 << 22, startTime: 1, bootID: "another boot")
        for (sandbox, owner) in [(stuck, gone), (fine, own)] {
            try manager.store.update(vm: sandbox.id) { record in
                record.phase = .active
                record.generation = 1
                record.owner = owner
            }
        }
        let start = LifeEvent(
            generation: 1, sequence: 1, time: Clock.realtimeNanoseconds, action: "start", attributes: [])
        try File.write(start.json(showsNulls: false) + [0x0a], to: fine.directory.eventsPath)
        let held = try manager.host.directories.create(stuck.id)
        defer { withExtendedLifetime(held) {} }
        var seen: [String] = []
        try await manager.events(since: "1h", until: "0s") { seen += $0.map { "\($0.action) \($0.name)" } }
        #expect(Set(seen) == ["create stuck", "create fine", "start fine"])

        var watch = EventWatch()
        let record = try #require(try manager.store.vm(fine.id))
        watch.follow(record, try #require(own.open()))
        watch.keep([fine.id])
        #expect(watch.isKnown(record) && watch.lives(record))
        watch.keep([stuck.id])
        #expect(!watch.isKnown(record) && !watch.lives(record))
    }

    @Test("a directory without a copy of its row is removed if it is empty, and named and left if it has a disk")
    func unknown() async throws {
        let directory = try TestDirectory()
        let manager = try manager(directory)
        let disk = try await manager.create(config("disk"))
        let empty = try await manager.create(config("empty"))
        for sandbox in [disk, empty] {
            unlink("\(sandbox.directory.path)/\(RowCopy.fileName)")
            try manager.store.delete(vm: sandbox.id)
        }
        try File.write([1], to: disk.directory.diskPath)
        let done = try await manager.reconcile()
        #expect(done.count == 2 && done.contains("\(empty.id): removed its directory"), "\(done)")
        #expect(try FileTree.names(at: "\(directory.path)/vms") == [disk.id])
    }
}
