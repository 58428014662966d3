import FirecrackerAPI
import Linux
import SupervisorProtocol
import Testing

@testable import Supervisor

@Suite("the state of a VM on the disk")
struct StateFileTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = "/tmp/smartvm-state-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        try body(directory)
    }

    private func read(_ directory: String) throws -> LifeState {
        try LifeState(decoding: try File.read("\(directory)/\(LifeState.fileName)"))
    }

    @Test("each state takes the place of the last, in two files that stay the same two")
    func places() throws {
        try withDirectory { directory in
            let file = StateFile(in: directory)
            var state = LifeState(generation: 7, phase: .starting)
            try file.write(state)
            #expect(try read(directory) == state)
            let names = [LifeState.fileName, LifeState.spareName]
            let inodes = try Set(names.map { try FileStatus(of: "\(directory)/\($0)").inode })
            for phase in [LifeState.Phase.running, .paused, .stopping, .exited] {
                state.phase = phase
                state.error = String(repeating: "x", count: Int.random(in: 0...500))
                try file.write(state)
                #expect(try read(directory) == state)
            }
            #expect(try FileTree.names(at: directory) == names)
            for name in names {
                let status = try FileStatus(of: "\(directory)/\(name)")
                #expect(inodes.contains(status.inode) && status.size == Int64(LifeState.fileSize))
            }
            // A later life goes on with them.
            state.generation = 8
            try StateFile(in: directory).write(state)
            #expect(try read(directory) == state)
        }
    }

    @Test("an error of any length and any bytes leaves a state that can be read")
    func longErrors() throws {
        let error = String(repeating: "\"\u{1}\u{e9}", count: 3000)
        let state = LifeState(generation: .max, phase: .exited, exitStatus: 137, error: error, restarts: .max)
        #expect(state.fileBytes.count == LifeState.fileSize)
        let again = try LifeState(decoding: state.fileBytes)
        #expect(again.exitStatus == 137 && error.hasPrefix(again.error ?? "none") && again.error?.isEmpty == false)
    }
}
