import Glibc
import Linux
import Testing

@testable import SmartVM

/// Snapshots of smartvm-qemu with a real guest.
@Suite("Snapshots of smartvm-qemu", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct VMMSnapshotTests {
    /// A directory with machines in it, all of which end with the test.
    private final class Stage {
        let directory = "/tmp/smartvm-\(uniqueName("snap"))"
        private(set) var machines: [VMMProgram] = []

        var state: String { "\(directory)/state" }
        var memory: String { "\(directory)/memory" }

        init() throws {
            try FileTree.makeDirectory(directory, mode: 0o700)
        }

        func machine(_ name: String, arguments: [String] = []) async throws -> VMMProgram {
            let machine = try await VMMProgram(in: directory, name: name, arguments: arguments)
            machines.append(machine)
            return machine
        }

        /// A guest that is up and paused.
        func template(drives: [Drive] = [], tracksDirtyPages: Bool = false) async throws -> VMMProgram {
            let machine = try await machine("template")
            try await machine.configure(drives: drives, memoryMiB: 128, tracksDirtyPages: tracksDirtyPages)
            _ = try await machine.shell("echo remembered > /tmp/note")
            try await machine.client.send(.setVMState(.paused))
            return machine
        }

        func clone(_ name: String, _ change: (inout SnapshotLoad) -> Void = { _ in }) async throws -> VMMProgram {
            let machine = try await machine(name)
            var load = SnapshotLoad(
                snapshotPath: state, memBackend: MemoryBackend(backendPath: memory, backendType: .file), resumeVm: true,
                vsockOverride: VsockOverride(udsPath: machine.vsockPath))
            change(&load)
            try await machine.client.send(.loadSnapshot(load))
            return machine
        }

        func end() async {
            for machine in machines { await machine.end() }
            try? FileTree.removeAll(directory)
        }
    }

    private func withStage(_ body: (Stage) async throws -> Void) async throws {
        let stage = try Stage()
        do {
            try await body(stage)
        } catch {
            await stage.end()
            throw error
        }
        await stage.end()
    }

    @Test("two clones of one snapshot go on side by side, each with a memory of its own, and the original goes on too")
    func clones() async throws {
        try await withStage { stage in
            let original = try await stage.template()
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: stage.memory)))
            #expect(try FileStatus(of: stage.memory).size == 128 << 20)
            let before = try File.read(stage.memory, limit: 256 << 20)
            let first = try await stage.clone("first")
            let second = try await stage.clone("second")
            #expect(try await first.shell("echo first >> /tmp/note; cat /tmp/note") == "remembered\nfirst\n")
            #expect(try await second.shell("echo second >> /tmp/note; cat /tmp/note") == "remembered\nsecond\n")
            try await original.client.send(.setVMState(.resumed))
            #expect(try await original.shell("cat /tmp/note") == "remembered\n")
            // Nobody has written to what they share.
            let isUntouched = try File.read(stage.memory, limit: 256 << 20) == before
            #expect(isUntouched)
            let leftovers = try FileTree.names(at: stage.directory).filter { $0.hasSuffix(".tmp") }
            #expect(leftovers.isEmpty)
        }
    }

    @Test("a clone can be saved again, and what comes from that has both pasts")
    func again() async throws {
        try await withStage { stage in
            let original = try await stage.template()
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: stage.memory)))
            await original.end()
            let clone = try await stage.clone("clone")
            _ = try await clone.shell("echo more >> /tmp/note")
            try await clone.client.send(.setVMState(.paused))
            // Also in the place of what it came from, and while another runs from that.
            let sibling = try await stage.clone("sibling")
            try await clone.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: stage.memory)))
            #expect(try await sibling.shell("cat /tmp/note") == "remembered\n")
            let grandchild = try await stage.clone("grandchild")
            #expect(try await grandchild.shell("cat /tmp/note") == "remembered\nmore\n")
            try await clone.client.send(.setVMState(.resumed))
            #expect(try await clone.shell("cat /tmp/note") == "remembered\nmore\n")
        }
    }

    @Test("a diff holds what changed, and base and diff together are the machine", arguments: [true, false])
    func diff(tracked: Bool) async throws {
        try await withStage { stage in
            let original = try await stage.template(tracksDirtyPages: tracked)
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: stage.memory)))
            try await original.client.send(.setVMState(.resumed))
            _ = try await original.shell("echo later >> /tmp/note")
            try await original.client.send(.setVMState(.paused))
            let diff = "\(stage.directory)/diff"
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: diff, snapshotType: .diff)))
            #expect(try FileStatus(of: diff).size == 128 << 20)
            let file = try Descriptor.open(diff, O_RDONLY)
            let base = try Descriptor.open(stage.memory, O_RDWR)
            let changed = try SparseFile.dataRanges(of: file.rawValue, size: 128 << 20)
            if tracked { #expect(changed.reduce(0) { $0 + $1.count } < 32 << 20) }
            for range in changed {
                let bytes = try file.read(at: range.lowerBound, upTo: range.count)
                try bytes.withUnsafeBytes { try SparseFile.write($0, to: base.rawValue, at: range.lowerBound) }
            }
            let clone = try await stage.clone("clone")
            #expect(try await clone.shell("cat /tmp/note") == "remembered\nlater\n")
        }
    }

    @Test("after a restore a drive is on its file, the guest is reached, and reaches the host")
    func devices() async throws {
        try await withStage { stage in
            let disk = "\(stage.directory)/disk"
            try File.write([UInt8](repeating: 0x2e, count: 1 << 20), to: disk)
            let drive = Drive(driveId: "data", isRootDevice: false, pathOnHost: disk)
            let original = try await stage.template(drives: [drive])
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: stage.memory)))
            await original.end()
            // The agent of a guest that is resumed asks its host for a session.
            let listener = try UnixSocket.listen(at: "\(stage.directory)/clone.vsock_1024")
            let clone = try await stage.clone("clone")
            #expect(try await eventually(seconds: 20) { (try? UnixSocket.accept(listener.rawValue)) != nil })
            _ = try await clone.shell("printf restored | dd of=/dev/vdb conv=notrunc 2>/dev/null; sync")
            #expect(String(decoding: try File.read(disk).prefix(10), as: UTF8.self) == "restored..")
        }
    }

    @Test("clock_realtime takes the guest's clock along, without it the guest's time stood still")
    func clock() async throws {
        try await withStage { stage in
            let original = try await stage.template()
            try await original.client.send(
                .createSnapshot(SnapshotCreate(snapshotPath: stage.state, memFilePath: stage.memory)))
            await original.end()
            var behind: [Bool: Int] = [:]
            try await Task.sleep(for: .seconds(3))
            for advances in [true, false] {
                let clone = try await stage.clone("clone-\(advances)") { $0.clockRealtime = advances }
                let text = try await clone.shell("date +%s")
                let guest = try #require(Int(text.trimmingSuffix(while: \.isNewline)))
                behind[advances] = time(nil) - guest
            }
            let (moved, stood) = (try #require(behind[true]), try #require(behind[false]))
            #expect(stood - moved >= 2, "\(behind)")
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var rest = self[...]
        while let last = rest.last, predicate(last) { rest.removeLast() }
        return rest
    }
}
