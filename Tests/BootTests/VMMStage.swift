import Glibc
import Linux
import Testing

@testable import SmartVM

/// A directory with machines of smartvm-qemu in it, all of which end with the test, and with one snapshot.
final class VMMStage {
    let directory = "/tmp/smartvm-\(uniqueName("stage"))"
    private var machines: [VMMProgram] = []

    var state: String { "\(directory)/state" }
    var memory: String { "\(directory)/memory" }

    init() throws {
        try FileTree.makeDirectory(directory, mode: 0o700)
    }

    func machine(_ name: String) async throws -> VMMProgram {
        let machine = try await VMMProgram(in: directory, name: name)
        machines.append(machine)
        return machine
    }

    /// Pauses it, and makes the snapshot.
    func save(_ machine: VMMProgram, type: SnapshotType = .full, memory: String? = nil) async throws {
        try await machine.client.send(.setVMState(.paused))
        try await machine.client.send(
            .createSnapshot(
                SnapshotCreate(snapshotPath: state, memFilePath: memory ?? self.memory, snapshotType: type)))
    }

    /// Saves what changed, and puts it into the snapshot's memory file.
    func mergeDifference(of machine: VMMProgram) async throws {
        let path = "\(directory)/difference"
        try await save(machine, type: .diff, memory: path)
        let size = Int(try FileStatus(of: path).size)
        // What runs from the file must not see a change in it.
        await machine.end()
        let difference = try Descriptor.open(path, O_RDONLY)
        let base = try Descriptor.open(memory, O_RDWR)
        for range in try SparseFile.dataRanges(of: difference.rawValue, size: size) {
            let bytes = try difference.read(at: range.lowerBound, upTo: range.count)
            try bytes.withUnsafeBytes { try SparseFile.write($0, to: base.rawValue, at: range.lowerBound) }
        }
    }

    /// A machine that goes on from the snapshot.
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

extension VMMProgram {
    /// The message of a request that is refused.
    func fault(_ request: () -> APIRequest) async -> String? {
        do {
            _ = try await client.send(request())
            return nil
        } catch {
            return (error as? SmartVMError)?.fault?.message
        }
    }

    /// What the guest's kernel has, as it says.
    func memoryMiB() async throws -> Int {
        let text = try await shell("awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo")
        return try #require(Int(text.filter(\.isNumber)))
    }

    /// What of the host's memory QEMU has mapped: the guest's pages, and QEMU's own.
    func residentMiB(_ field: String = "Rss") throws -> Int {
        let text = try File.readText("/proc/\(try qemu().pid)/smaps_rollup")
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(field):") })
        return try #require(Int(line.filter(\.isNumber))) >> 10
    }
}
