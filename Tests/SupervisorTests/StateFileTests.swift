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

    @Test("what checks have printed, whatever it is, leaves a state that can be read, and the end of the VM is told")
    func longHealth() throws {
        var random = SeededGenerator(seed: 5)
        let pieces = ["a", "\"", "\u{1}", "\u{1b}[", "\n", "\u{e9}", "\u{20ac}", "\u{1f600}", "e\u{301}\u{302}"]
        func text(upTo limit: Int) -> String {
            let kind = pieces.randomElement(using: &random) ?? ""
            var text = ""
            for _ in 0..<Int.random(in: 0...limit, using: &random) {
                text += Bool.random(using: &random) ? kind : pieces.randomElement(using: &random) ?? ""
            }
            return String(decoding: Array(text.utf8).prefix(limit), as: UTF8.self)
        }
        try withDirectory { directory in
            let file = StateFile(in: directory)
            for round in 0..<60 {
                let log = (0..<Int.random(in: 0...HealthState.keptChecks, using: &random)).map { _ in
                    HealthState.Check(
                        startedAt: .max, finishedAt: .max, exitStatus: .max, output: text(upTo: HealthState.keptOutput))
                }
                let state = LifeState(
                    generation: UInt64(round), phase: .exited, pid: .max, startedAt: .max, finishedAt: .max,
                    exitStatus: 137,
                    error: Bool.random(using: &random) ? text(upTo: round % 3 == 0 ? 9000 : 300) : nil,
                    health: HealthState(status: .unhealthy, failingStreak: .max, log: log))
                #expect(state.fileBytes.count == LifeState.fileSize)
                if round % 7 == 0 {
                    // What somebody else has left there is no part of the next state.
                    try File.replace(
                        "\(directory)/\(LifeState.spareName)", with: [UInt8](repeating: 0x78, count: 9000))
                }
                try file.write(state)
                var again = try read(directory)
                #expect(again.exitStatus == 137 && again.health?.failingStreak == .max)
                #expect((state.error ?? "").unicodeScalars.starts(with: (again.error ?? "").unicodeScalars))
                let kept = again.health?.log ?? []
                for (before, after) in zip(log.suffix(kept.count), kept) {
                    #expect(before.output.unicodeScalars.starts(with: after.output.unicodeScalars))
                }
                // Nothing is left out that there is room for.
                if state.json(showsNulls: false).count < LifeState.fileSize {
                    again.generation = state.generation
                    #expect(again == state)
                }
            }
        }
    }
}
