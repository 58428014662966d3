import FirecrackerAPI
import Foundation
import Linux
import SupervisorProtocol
import Testing

@testable import SmartVM

/// What is told of a VM's life; nothing is booted.
@Suite("a sandbox's life")
struct SandboxLifeTests {
    private let dead = ProcessIdentity(pid: 1 << 22, startTime: 1, bootID: "another boot")

    private func withManager(_ body: (SandboxManager, String) async throws -> Void) async throws {
        let directory = try TestDirectory()
        try await body(try SmartVM(SmartVMOptions(dataDir: directory.path)).sandboxes, directory.path)
    }

    private func config(_ name: String) -> SandboxConfig {
        SandboxConfig(vm: VMConfig(id: name, image: "minimal"))
    }

    /// Makes the row say that it runs, with a supervisor that is gone and has left these files.
    private func die(_ sandbox: Sandbox, _ state: LifeState?, _ events: [LifeEvent]) throws {
        try sandbox.manager.store.update(vm: sandbox.id) { record in
            record.phase = .active
            record.owner = dead
            record.generation = 1
        }
        if let state {
            try File.write(state.json(showsNulls: false), to: "\(sandbox.directory.path)/\(LifeState.fileName)")
        }
        let lines: [UInt8] = events.reduce(into: []) { $0 += $1.json(showsNulls: false) + [0x0a] }
        try File.write(lines, to: sandbox.directory.eventsPath)
    }

    private func events(_ manager: SandboxManager, since: String = "1") async throws -> [SandboxEvent] {
        var all: [SandboxEvent] = []
        try await manager.events(since: since, until: "0s") { all += $0 }
        return all
    }

    @Test("what a supervisor has written down is told once, with its own times, and its end with the time of the end")
    func importing() async throws {
        try await withManager { manager, _ in
            let sandbox = try await manager.create(config("web"))
            let started = LifeEvent(generation: 1, sequence: 1, time: 10_000_000_000, action: "start")
            let died = LifeEvent(
                generation: 1, sequence: 2, time: 20_000_000_000, action: "die",
                attributes: [.init("exitStatus", "7")])
            let state = LifeState(
                generation: 1, phase: .exited, startedAt: started.time, finishedAt: died.time, exitStatus: 7)
            try die(sandbox, state, [started, died])
            let first = try await events(manager)
            #expect(first.map(\.action) == ["start", "die", "create"])
            #expect(first[1].time == "1970-01-01T00:00:20.000000000Z" && first[1].attributes == ["exitStatus": "7"])
            let info = try await sandbox.info
            #expect(info.exitStatus == 7 && info.finishedAt == first[1].time)
            let second = try await events(manager)
            #expect(second == first)
            // Eight readers at once bring nothing in twice.
            let more = (3...50).map { LifeEvent(generation: 1, sequence: $0, time: $0, action: "pause") }
            await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask { try? manager.store.bringIn([died] + more, ofVM: sandbox.id, name: "web") }
                }
            }
            let third = try await events(manager, since: "0")
            #expect(third.count == 3 + more.count)
            let late = try await events(manager, since: "2099-01-01")
            #expect(late == [])
            try await sandbox.remove()
            let last = try await events(manager)
            #expect(last.last?.action == "remove")
        }
    }

    @Test("a supervisor that was killed has told no end: that is told when it is found")
    func killed() async throws {
        try await withManager { manager, _ in
            let sandbox = try await manager.create(config("web"))
            try die(
                sandbox, LifeState(generation: 1, phase: .running, startedAt: 5),
                [LifeEvent(generation: 1, sequence: 1, time: 5, action: "start")])
            var all = try await events(manager, since: "0")
            // A program that another test starts at this moment has its lock until it runs.
            for _ in 0..<50 where !all.contains(where: { $0.action == "die" }) {
                try await Task.sleep(for: .milliseconds(20))
                all = try await events(manager, since: "0")
            }
            let end = all.first { $0.action == "die" }
            #expect(all.filter { $0.action == "die" }.count == 1)
            #expect(end?.attributes == ["exitStatus": "137", "error": "The host was restarted while it ran."])
            // The host was restarted before now.
            let info = try await sandbox.info
            let boot = try #require(Clock.bootNanoseconds)
            let finished = try #require(info.finishedAt.flatMap { Timestamp($0) })
            #expect(max(finished.nanoseconds, boot) - min(finished.nanoseconds, boot) < 1_000_000_000)
        }
    }

    @Test("so many events are kept and no more")
    func bounds() throws {
        let store = Store(path: nil)
        try store.write { database in
            for number in 0..<Store.keptEvents + 5 {
                try Store.note(EventRecord(time: number, vm: "a", name: "a", action: "x"), database)
            }
        }
        let all = try store.events(after: 0)
        #expect(all.count == Int(Store.keptEvents) && all.first?.time == 5)
    }

    @Test("one that is to be removed at its end is, by whoever looks, and its status can still be waited for")
    func removedAtEnd() async throws {
        try await withManager { manager, path in
            var config = config("brief")
            config.removesAtEnd = true
            let sandbox = try await manager.create(config)
            let created = try await manager.list(all: true)
            #expect(created.count == 1)
            let died = LifeEvent(
                generation: 1, sequence: 1, time: 20, action: "die", attributes: [.init("exitStatus", "3")])
            try die(sandbox, LifeState(generation: 1, phase: .exited, finishedAt: 20, exitStatus: 3), [died])
            let status = try await sandbox.wait()
            #expect(status == 3)
            let left = try await manager.list(all: true)
            #expect(left == [])
            #expect(try FileTree.names(at: "\(path)/vms") == [])
            config.restart = .always
            let both = config
            let refused = await #expect(throws: SmartVMError.self) { try await manager.create(both) }
            #expect(refused?.code == .invalidConfiguration)
        }
    }

    @Test("one that its maker has for itself is nothing once the maker is gone, and nobody else's before")
    func scoped() async throws {
        try await withManager { manager, path in
            let mine = try await manager.create(config("mine"), isScoped: true)
            let infos = try await manager.list(all: true)
            #expect(infos.map(\.state) == [.creating])
            let other = Sandbox(id: mine.id, manager: manager)
            let refused = await #expect(throws: SmartVMError.self) { try await other.start() }
            #expect(refused?.code == .invalidState)
            try manager.store.update(vm: mine.id) { $0.owner = dead }
            let left = try await manager.list(all: true)
            #expect(left == [])
            #expect(try FileTree.names(at: "\(path)/vms") == [])
            let again = try await manager.create(config("mine"), isScoped: true)
            try await again.remove(force: true)
            #expect(try FileTree.names(at: "\(path)/vms") == [])
        }
    }

    @Test("what does not run is changed for its next start")
    func updating() async throws {
        try await withManager { manager, _ in
            let sandbox = try await manager.create(config("web"))
            try await sandbox.update(
                SandboxUpdate(memoryMib: 512, vcpuCount: 2, diskBandwidth: 1 << 20, restart: .onFailure(limit: 3)))
            try await sandbox.update(SandboxUpdate(networkBandwidth: 0))
            let now = try await sandbox.config
            #expect(now.vm.machineConfig.memSizeMib == 512 && now.vm.machineConfig.vcpuCount == 2)
            #expect(now.limits == SandboxLimits(diskBandwidth: 1 << 20, networkBandwidth: 0))
            #expect(now.restart == .onFailure(limit: 3))
            for update in [
                SandboxUpdate(memoryMib: 1), SandboxUpdate(vcpuCount: 99), SandboxUpdate(diskOperations: -1),
            ] {
                let error = await #expect(throws: SmartVMError.self) { try await sandbox.update(update) }
                #expect(error?.code == .invalidConfiguration)
            }
            let after = try await sandbox.config
            #expect(after == now)
            let all = try await events(manager)
            #expect(all.last?.action == "update" && all.last?.attributes == ["networkBandwidth": "0"])
        }
    }
}
