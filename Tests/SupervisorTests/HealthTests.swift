import FirecrackerAPI
import Linux
import SupervisorProtocol
import Testing

@testable import Supervisor

@Suite("how a VM does, and what happens to it")
struct HealthTests {
    private func check(_ status: UInt32) -> HealthState.Check {
        HealthState.Check(startedAt: 1, finishedAt: 2, exitStatus: status, output: "o")
    }

    /// Whether the status has become another one.
    private func take(_ status: UInt32, _ state: inout HealthState, retries: UInt32, counts: Bool = true) -> Bool {
        state.take(check(status), retries: retries, counts: counts)
    }

    @Test("so many failures in a row make it unhealthy, and one success healthy")
    func streaks() {
        var state = HealthState()
        var changes: [Bool] = []
        var statuses: [HealthState.Status] = []
        var streaks: [UInt32] = []
        for status in [0, 1, 0, 1, 124, 1, 0] as [UInt32] {
            changes.append(take(status, &state, retries: 2))
            statuses.append(state.status)
            streaks.append(state.failingStreak)
        }
        #expect(changes == [true, false, false, false, true, false, true])
        #expect(statuses == [.healthy, .healthy, .healthy, .healthy, .unhealthy, .unhealthy, .healthy])
        #expect(streaks == [0, 1, 0, 1, 2, 3, 0])
        // Without retries the first failure tells, as with one.
        var strict = HealthState()
        _ = take(1, &strict, retries: 0)
        #expect(strict.status == .unhealthy)
    }

    @Test("while it comes up failures do not count, until a check has succeeded")
    func startPeriod() {
        var state = HealthState()
        for _ in 0..<5 { _ = take(1, &state, retries: 1, counts: false) }
        #expect(state.status == .starting && state.failingStreak == 0)
        _ = take(0, &state, retries: 1, counts: false)
        #expect(state.status == .healthy)
        _ = take(1, &state, retries: 1, counts: false)
        #expect(state.status == .unhealthy)
    }

    @Test("few checks are kept, and little of what each printed")
    func bounds() throws {
        var state = HealthState()
        for number in 0..<20 {
            _ = state.take(
                .init(startedAt: 1, finishedAt: 2, exitStatus: UInt32(number), output: ""), retries: 3, counts: true)
        }
        #expect(state.log.map(\.exitStatus) == [15, 16, 17, 18, 19])
        let output = HealthOutput()
        for _ in 0..<100 { output.append([UInt8](repeating: 0x61, count: 1000), .standardOutput) }
        #expect(output.text.utf8.count == HealthState.keptOutput)
        // Whatever is printed, the state can be told in one answer.
        state.log = (0..<5).map { _ in
            .init(
                startedAt: .max, finishedAt: .max, exitStatus: 1,
                output: String(repeating: "\u{1}", count: HealthState.keptOutput))
        }
        let answer = ControlAnswer(state: LifeState(generation: 1, phase: .running, health: state))
        #expect(answer.json(showsNulls: false).count < ControlRequest.maximumLength)
        #expect(try ControlAnswer(decoding: answer.json(showsNulls: false)) == answer)
    }

    @Test("a command that is lost while the guest shuts down was ended by that; the VMM's end decides")
    func loss() {
        var evidence = LifeEnd.Evidence(vmm: .exited(0), hasCommand: true, hasRun: true)
        evidence.loss = "The command was lost: the guest broke off the connection."
        #expect(LifeEnd(evidence) == LifeEnd(status: 255, error: "The guest shut down before its command had ended."))
        evidence.vmm = .signaled(11)
        #expect(LifeEnd(evidence) == LifeEnd(status: 139, error: "The VMM was killed by signal 11."))
        // It did not end: then it is the agent that has gone.
        evidence.failure = (.bootFailed, "The command was lost: x.")
        #expect(LifeEnd(evidence).error == "The command was lost: x.")
    }

    @Test("events are lines, numbered, also after a line that was cut")
    func events() throws {
        let directory = "/tmp/smartvm-events-\(UInt32.random(in: 0...UInt32.max))"
        try FileTree.makeDirectory(directory)
        defer { try? FileTree.removeAll(directory) }
        let path = "\(directory)/\(LifeEvent.fileName)"
        try File.write(Array(#"{"generation":1,"seq"#.utf8), to: path)
        let plan = SupervisorPlan(
            generation: 2, directory: directory, runtimeDirectory: "", vmm: Program(path: "", arguments: []),
            apiSocket: "", vsockSocket: "", requests: [], hasAgent: true, guest: GuestDescription(),
            health: HealthCheck(command: PlannedCommand(arguments: ["true"]), onFailure: .restart), leashDescriptor: 7)
        #expect(try SupervisorPlan(decoding: plan.json(showsNulls: false)) == plan)
        let log = EventLog(plan)
        log.append("start")
        log.append("die", [.init("error", "two\nlines")])
        let lines = try File.read(path).split(separator: 0x0a)
        let events = lines.compactMap { try? LifeEvent(decoding: Array($0)) }
        #expect(lines.count == 3 && events.map(\.sequence) == [1, 2] && events.map(\.action) == ["start", "die"])
        #expect(events.last?.attributes == [.init("error", "two\nlines")] && events.allSatisfy { $0.generation == 2 })
        // A VM that is up and down for years takes no more of the disk than it may.
        for _ in 0..<5000 { log.append("health_status", [.init("health", "unhealthy")]) }
        let sizes = try FileTree.names(at: directory).map { try FileStatus(of: "\(directory)/\($0)").size }
        #expect(sizes.count == 2 && sizes.reduce(0, +) <= 2 * Int64(LifeEvent.fileLimit.bytes))
    }
}
