import Foundation
import Linux
import Testing

@testable import SmartVM

/// What is used and what can go; nothing is booted.
@Suite("Disk usage and pruning", .timeLimit(.minutes(1)))
struct DiskUsageTests {
    @Test("what nobody uses is told and removed, and images of VMs that stay are kept")
    func prune() async throws {
        let directory = try TestDirectory()
        let data = directory.path
        let smartVM = try SmartVM(SmartVMOptions(dataDir: data))
        let manager = smartVM.sandboxes
        for image in ["minimal", "unused"] {
            try FileTree.makeDirectories("\(data)/images/\(image)")
            try File.write([UInt8](repeating: 1, count: 8192), to: "\(data)/images/\(image)/rootfs")
        }
        try FileTree.makeDirectories("\(data)/firecracker/v1.10.0")
        for program in ["firecracker", "jailer"] {
            try File.write([1], to: "\(data)/firecracker/v1.10.0/\(program)", mode: 0o755)
        }
        try FileTree.makeDirectories("\(data)/images/.partial")
        for name in ["free.part", "free.part.json", "taken.part"] {
            try File.write([1], to: "\(data)/images/.partial/\(name)")
        }
        let running = try await manager.create(
            SandboxConfig(vm: VMConfig(id: "running", image: "minimal"), volumes: [.init(source: "kept", path: "/v")]))
        try await manager.createVolume("loose", size: 32 << 20)
        let idle = try await manager.create(
            SandboxConfig(vm: VMConfig(id: "idle", image: "unused"), diskSize: 32 << 20))
        try manager.store.update(vm: idle.id) { $0.createdAt -= 61_000_000_000 }
        // Its maker may be about to start it.
        let fresh = try await manager.create(SandboxConfig(vm: VMConfig(id: "fresh", image: "minimal")))
        try manager.store.update(vm: running.id) { record in
            record.phase = .active
            record.owner = try ProcessIdentity(of: Int32(ProcessInfo.processInfo.processIdentifier))
        }

        let usage = try await smartVM.dataUsage()
        func isInUse(_ name: String) -> Bool? { usage.items.first { $0.name == name }?.isInUse }
        #expect(isInUse("minimal") == true && isInUse("unused") == true && isInUse("v1.10.0") == false)
        #expect(isInUse("running") == true && isInUse("idle") == false)
        #expect(isInUse("fresh") == true)
        #expect(isInUse("kept") == true && isInUse("loose") == false)
        // One that is being written now may be somebody's.
        #expect(isInUse("images/.partial/free.part") == true)
        let disks = try #require(usage.items.first { $0.name == "idle" })
        #expect(disks.size >= 32 << 20 && disks.allocated < 8 << 20)
        let sum = try #require(usage.sums.first { $0.kind == .volumes })
        #expect(sum.count == 2 && sum.inUse == 1 && sum.reclaimable < sum.allocated)

        let refused = await #expect(throws: SmartVMError.self) {
            try await smartVM.baseImageManager.remove(named: "unused")
        }
        #expect(refused?.code == .imageInUse && refused?.message == "The image unused is used by idle.")
        // A name that has become another's leads nowhere.
        var renamed = disks
        renamed.name = "fresh"
        renamed.id = "0123456789ab"
        let gone = renamed
        let missing = await #expect(throws: SmartVMError.self) { try await smartVM.remove(gone, .init()) }
        #expect(missing?.code == .noSuchVM && disks.id == idle.id)
        _ = try await fresh.info
        let first = try await smartVM.prune()
        #expect(first.removed.map(\.name) == ["idle"] && first.failures == [])
        let second = try await smartVM.prune(PruneOptions(all: true, volumes: true))
        #expect(Set(second.removed.map(\.name)) == ["unused", "loose", "v1.10.0"] && second.failures == [])
        #expect(second.freed >= 8192)
        #expect(try FileTree.names(at: "\(data)/images").filter { !$0.hasPrefix(".") } == ["minimal"])
        let volumes = try await manager.volumes()
        #expect(volumes.map(\.name) == ["kept"])
    }

    @Test("a part of a download goes, unless somebody works on it")
    func parts() async throws {
        let directory = try TestDirectory()
        let smartVM = try SmartVM(SmartVMOptions(dataDir: directory.path))
        let parts = "\(directory.path)/images/.partial"
        try FileTree.makeDirectories(parts)
        for name in ["free.part", "free.part.json", "taken.part"] { try File.write([1], to: "\(parts)/\(name)") }
        let lock = try FileLock(existing: "\(parts)/taken.part", .exclusive)
        let items = ["free", "taken"].map {
            DiskUsage.Item(
                kind: .caches, name: "images/.partial/\($0).part", isInUse: false, usedBy: [], size: 1, allocated: 1)
        }
        var gone: [Bool] = []
        for item in items { gone.append(try await smartVM.remove(item, .init())) }
        #expect(gone == [true, false])
        #expect(try FileTree.names(at: parts) == ["taken.part"])
        withExtendedLifetime(lock) {}
    }
}
