import Glibc
import Linux
import Testing

@testable import SmartVM

/// VMs that are written to files and started from them, by the library.
@Suite("Snapshots", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct SnapshotTests {
    @Test("copies of a VM have its memory, and an identity of their own; the original goes on as itself")
    func copies() async throws {
        let directory = "/tmp/smartvm-\(uniqueName("snap"))"
        try FileTree.makeDirectory(directory, mode: 0o700)
        defer { try? FileTree.removeAll(directory) }
        let smartVM = try SmartVM()
        let original = try await smartVM.createVM(
            VMConfig(id: uniqueName("origin"), image: "minimal", machineConfig: .init(memSizeMib: 192)))
        do {
            try await original.start()
            // In memory, as the root's writable layer is.
            #expect(try await original.exec(["sh", "-c", "echo kept > /root/mark"]).exitStatus == 0)
            let machineID = try await original.exec(["cat", "/etc/machine-id"]).standardOutput
            try await original.pause()
            let snapshot = try await original.createSnapshot(
                snapshotPath: "\(directory)/state", memFilePath: "\(directory)/memory")
            #expect(snapshot.hasAgent && snapshot.hasVsock && snapshot.config?.image == "minimal")
            for path in [snapshot.snapshotPath, snapshot.memFilePath] { #expect(File.exists(path)) }
            try await original.resume()
            #expect(try await original.exec(["cat", "/etc/machine-id"]).standardOutput == machineID)

            var machineIDs: Set<String> = [machineID]
            for number in 0..<2 {
                let id = uniqueName("copy\(number)")
                let copy = try await smartVM.restoreVM(snapshot, id: id)
                #expect(await copy.state == .running)
                let lines = try await copy.exec(["sh", "-c", "hostname; cat /root/mark /etc/machine-id; date +%s"])
                    .standardOutput.split(separator: "\n").map(String.init)
                #expect(lines.prefix(2) == [id, "kept"], "\(lines)")
                machineIDs.insert(lines[2] + "\n")
                #expect(abs((Int(lines[3]) ?? 0) - time(nil)) <= 1)
            }
            #expect(machineIDs.count == 3)
            #expect(smartVM.vmCount == 3)

            // One that is not resumed takes its identity when it is.
            let still = try await smartVM.restoreVM(snapshot, id: uniqueName("still"), RestoreOptions(resume: false))
            #expect(await still.state == .paused)
            try await still.resume()
            #expect(try await still.exec(["hostname"]).standardOutput == "\(still.id)\n")
            // A copy can be asked to shut down as any other VM.
            #expect(await still.stop().endedBy == .guest)
        } catch {
            await smartVM.cleanup()
            throw error
        }
        let ids = smartVM.listVMs()
        await smartVM.cleanup()
        for id in ids {
            #expect(Traces.directories(id) == [])
            #expect(Traces.processes(id) == [])
        }
    }
}
