import Glibc
import Linux
import Synchronization
import Testing

@testable import SmartVM

/// Processes are killed at every step of making, starting, stopping and removing a VM; afterwards everything works, nothing is left, and what is
/// said is true.
@Suite("VMs that stay, when processes are killed", BootCapability.trait, .serialized, .timeLimit(.minutes(30)))
struct SandboxFaultTests {
    private func smartvm(_ arguments: String...) async throws -> SmartVMProgram.Result {
        try await SmartVMProgram.run(arguments)
    }

    /// Runs smartvm with a signal to itself at a step.
    private func start(_ arguments: [String], _ step: SandboxStep, _ signal: Int32) throws -> ChildProcess {
        try SmartVMProgram.start(
            arguments, output: "/dev/null", variables: ["SMARTVM_FAULT": "\(step.rawValue):\(signal)"])
    }

    /// What is said of the VM of this name.
    private func info(_ name: String) async throws -> SandboxInfo? {
        try await SmartVM(SmartVMOptions(dataDir: Traces.dataDirectory)).sandboxes.list(all: true).first {
            $0.name == name
        }
    }

    /// What is said of a VM against what the host has.
    private func lies(_ info: SandboxInfo?, id: String) -> [String] {
        let traces = SandboxTraces.running(id)
        guard let info else { return traces.map { "gone, but: \($0)" } }
        if info.state.isActive {
            return traces.contains { $0.contains("smartvm-supervisor") } ? [] : ["\(info.state), without a supervisor"]
        }
        return traces.map { "\(info.state), but: \($0)" }
    }

    /// Uses a VM after a fault: it can be started, it runs commands, it is stopped and removed, and nothing is left.
    private func use(_ name: String, id: String) async throws -> [String] {
        var problems: [String] = []
        for arguments in [["start", name], ["exec", name, "true"], ["stop", name], ["rm", name]] {
            let result = try await SmartVMProgram.run(arguments)
            if result.status != 0 { problems.append("\(arguments): \(result.status) \(result.standardError)") }
        }
        return problems + SandboxTraces.all(id)
    }

    @Test("the command itself, at each step", arguments: SandboxStep.allCases)
    fileprivate func command(step: SandboxStep) async throws {
        let name = uniqueName("fault")
        var id = ""
        if !SandboxStep.creating.contains(step) {
            id = try await smartvm("create", "--name", name, "--disk", "32m").standardOutput.trimmed
            if !SandboxStep.starting.contains(step) { _ = try await smartvm("start", name) }
        }
        let arguments =
            SandboxStep.creating.contains(step)
            ? ["create", "--name", name, "--disk", "32m"]
            : SandboxStep.starting.contains(step)
                ? ["start", name] : SandboxStep.stopping.contains(step) ? ["stop", name] : ["rm", "-f", name]
        let ending = try start(arguments, step, SIGKILL).waitUntilExit()
        #expect(ending == .signaled(SIGKILL), "\(step) was not reached")
        // A start that was broken off may still be coming up, or a stop going down.
        let isSettled = try await eventuallyAsync(seconds: 30) {
            let state = try await info(name)?.state
            return state != .starting && state != .stopping && state != .creating && state != .removing
        }
        #expect(isSettled)
        let now = try await info(name)
        if id.isEmpty { id = now?.id ?? "none" }
        #expect(lies(now, id: id) == [], "\(step)")
        if now == nil {
            let rest = try await smartvm("system", "reconcile")
            #expect(rest.standardOutput == "There was nothing to take back.\n", "\(step)")
            let again = try await smartvm("create", "--name", name)
            #expect(again.status == 0, "\(again.standardError)")
            id = again.standardOutput.trimmed
        }
        let problems = try await use(name, id: id)
        #expect(problems == [], "\(step)")
        FaultCount.add(leaks: problems.count)
    }

    fileprivate enum Victim: String, CaseIterable {
        case supervisor, vmm, qemu
    }

    @Test(
        "the supervisor, the VMM and QEMU, while a command starts or stops, and while nobody looks",
        arguments: [SandboxStep.supervisorReleased, .started, .stopAsked], Victim.allCases)
    fileprivate func others(step: SandboxStep, victim: Victim) async throws {
        let name = uniqueName("fault")
        let id = try await smartvm("create", "--name", name, "--disk", "32m").standardOutput.trimmed
        if step == .stopAsked { _ = try await smartvm("start", name) }
        // The command stops itself at the step, the victim is killed, and the command goes on.
        let command = try start([step == .stopAsked ? "stop" : "start", name], step, SIGSTOP)
        let hasStopped = try await eventually(seconds: 60) { SandboxTraces.state(of: command.pid) == "T" }
        #expect(hasStopped, "\(step) was not reached")
        var killed = false
        _ = try await eventually(seconds: 20) {
            killed = SandboxTraces.pid(of: id, victim.rawValue).map { kill($0, SIGKILL) == 0 } ?? false
            return killed || step == .stopAsked && SandboxTraces.running(id).isEmpty
        }
        #expect(killed || step == .stopAsked, "there is no \(victim)")
        command.kill(SIGCONT)
        _ = try command.waitUntilExit()
        let isOver = try await eventuallyAsync(seconds: 30) {
            let state = try await info(name)?.state
            // The VMM runs QEMU first to ask what it can do: one that was killed then is run again.
            if victim == .qemu, step == .supervisorReleased, state == .running { return true }
            return state == .exited && SandboxTraces.running(id).isEmpty
        }
        let now = try await info(name)
        #expect(isOver, "\(step) \(victim): \(String(describing: now)) \(SandboxTraces.running(id))")
        #expect(lies(now, id: id) == [])
        // A life that did not end as it should is not said to have.
        if killed, step != .stopAsked, now?.state == .exited {
            #expect(now?.exitStatus != 0 && now?.error != nil, "\(String(describing: now))")
        }
        let problems = try await use(name, id: id)
        #expect(problems == [], "\(step) \(victim)")
        FaultCount.add(leaks: problems.count)
    }

    @Test("a supervisor that hangs does not keep a VM from being stopped")
    func hangingSupervisor() async throws {
        let name = uniqueName("hang")
        let id = try await smartvm("run", "-d", "--name", name).standardOutput.trimmed
        let pid = try #require(SandboxTraces.pid(of: id, "supervisor"))
        kill(pid, SIGSTOP)
        let stopped = try await smartvm("stop", "--time", "1", name)
        #expect(stopped.status == 0, "\(stopped.standardError)")
        #expect(SandboxTraces.running(id) == [])
        let now = try await info(name)
        #expect(now?.state == .exited && now?.error == "Its supervisor was killed.")
        let removed = try await smartvm("rm", name)
        #expect(removed.status == 0 && SandboxTraces.all(id) == [])
        FaultCount.add(leaks: SandboxTraces.all(id).count)
    }
}

extension SandboxStep {
    fileprivate static let creating: [SandboxStep] = [.recordWritten, .directoryMade, .diskMade, .created]
    fileprivate static let starting: [SandboxStep] = [
        .locked, .portsTaken, .networkMade, .runtimeDirectoryMade, .planWritten, .supervisorSpawned, .ownerWritten,
        .supervisorReleased, .started,
    ]
    fileprivate static let stopping: [SandboxStep] = [
        .stopAsked, .supervisorEnded, .runtimeDirectoryRemoved, .networkRemoved, .endWritten,
    ]
}

/// The figure of this suite, printed as it grows.
private enum FaultCount {
    private static let counts = Mutex((faults: 0, leaks: 0))

    static func add(leaks: Int) {
        counts.withLock { counts in
            counts.faults += 1
            counts.leaks += leaks
            print("faults injected: \(counts.faults), leaks and failures afterwards: \(counts.leaks)")
        }
    }
}

func eventuallyAsync(seconds: Double, _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return try await condition()
}
