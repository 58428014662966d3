import Glibc
import Linux
import SupervisorProtocol
import Testing

@testable import SmartVM

/// Processes are killed at every step of making, starting, stopping and removing a VM; afterwards everything works, nothing is left, and what is
/// said is true. A VM goes through many faults: what shows that one has left no harm is what the next begins with.
@Suite("VMs that stay, when processes are killed", BootCapability.trait, .serialized, .timeLimit(.minutes(30)))
struct SandboxFaultTests {
    @Test("the command, at each step of making and removing", arguments: [SandboxStep.Operation.create, .remove])
    fileprivate func commandWithoutGuest(operation: SandboxStep.Operation) async throws {
        for step in SandboxStep.allCases where step.operation == operation {
            let vm = FaultedVM()
            try await vm.look()
            if operation == .remove { try await vm.make() }
            let command = operation == .remove ? "rm" : "create --disk 16m --name"
            let ending = try await vm.start(command, fault: "\(step.rawValue):9").waitUntilExit()
            #expect(ending == .signaled(SIGKILL), "\(step) was not reached: \(vm.output)")
            try await vm.settle("\(step)", [.created])
            let rest = try await SmartVMProgram.run(["system", "reconcile"])
            #expect(rest.status == 0 && !rest.standardOutput.contains(vm.name), "\(rest)")
            // The name is free, unless it was all done.
            if try await vm.info() == nil { try await vm.make() }
            try await vm.remove(force: false)
            let left = try FileTree.names(at: "\(Traces.dataDirectory)/vms")
            #expect(left == [], "\(step)")
            FaultCount.add(faults: 0, leaks: left)
        }
        FaultCount.report()
    }

    @Test("the command, at each step of starting and stopping")
    func command() async throws {
        try await FaultedVM.with { vm in
            try await vm.startAndUse("at first")
            try await vm.run("stop")
            for step in SandboxStep.allCases where step.operation == .start {
                let ending = try await vm.start("start", fault: "\(step.rawValue):9").waitUntilExit()
                #expect(ending == .signaled(SIGKILL), "\(step) was not reached: \(vm.output)")
                try await vm.settle("\(step)", [.exited, .running])
                guard try await vm.info()?.state == .running else { continue }
                try await vm.use("\(step)")
                try await vm.run("kill")
            }
            for step in SandboxStep.allCases where step.operation == .stop {
                try await vm.startAndUse("\(step)")
                let ending = try await vm.start("stop", fault: "\(step.rawValue):9").waitUntilExit()
                #expect(ending == .signaled(SIGKILL), "\(step) was not reached: \(vm.output)")
                try await vm.settle("\(step)", step == .stopping ? [.running] : [.exited])
            }
            try await vm.startAndUse("at last")
        }
    }

    @Test("the command, at each step of its networks")
    func network() async throws {
        let steps = NetworkStep.allCases
        guard NetworkPermission.problem() == nil, let first = steps.firstIndex(of: .guestRemoved) else { return }
        try await FaultedVM.with { vm in
            try await vm.startAndUse("at first")
            try await vm.run("kill")
            for step in steps[..<first] {
                let ending = try await vm.start("start", fault: "network.\(step.rawValue):9").waitUntilExit()
                #expect(ending == .signaled(SIGKILL), "\(step) was not reached: \(vm.output)")
                try await vm.settle("\(step)", [.exited])
            }
            for step in steps[first...] {
                try await vm.startAndUse("\(step)")
                let ending = try await vm.start("stop", fault: "network.\(step.rawValue):9").waitUntilExit()
                #expect(ending == .signaled(SIGKILL), "\(step) was not reached: \(vm.output)")
                try await vm.settle("\(step)", [.exited])
            }
            try await vm.startAndUse("at last")
        }
    }

    @Test("the supervisor, at each step of its own")
    func supervisor() async throws {
        try await FaultedVM.with { vm in
            try await vm.startAndUse("at first")
            try await vm.run("kill")
            for step in SupervisorStep.allCases where step.operation == .starting && step != .commandStarted {
                let ending = try await vm.start("start", fault: "\(step.faultName):9").waitUntilExit()
                // One that has said that it runs, did.
                #expect((ending == .exited(0)) == (step == .reported), "\(step): \(vm.output)")
                try await vm.settle("\(step)", [.exited])
                try await vm.expectEnd("\(step)", "Its supervisor was killed.")
            }
            for step in SupervisorStep.allCases where step.operation == .ending {
                let ending = try await vm.start("start", fault: "\(step.faultName):9").waitUntilExit()
                #expect(ending == .exited(0), "\(step): \(vm.output)")
                try await vm.use("\(step)")
                try await vm.run("stop")
                try await vm.settle("\(step)", [.exited])
                // What it has written down before it was killed is how it ended.
                try await vm.expectEnd("\(step)", step == .endWritten ? nil : "Its supervisor was killed.")
            }
            try await vm.startAndUse("at last")
        }
    }

    @Test("the VMM and QEMU, at each step of the supervisor that they live in", arguments: ["vmm", "qemu"])
    func machine(victim: String) async throws {
        let early: [SupervisorStep] = [.vmmReleased, .sessionListening, .requestAnswered]
        let starting = early + [.guestStarted, .guestConfigured, .runningWritten, .reported]
        try await FaultedVM.with { vm in
            try await vm.startAndUse("at first")
            try await vm.run("kill")
            for step in starting where victim == "vmm" || !early.contains(step) {
                let command = try await vm.start("start", fault: "\(step.faultName):19")
                try await vm.killWhileSupervisorStands(victim, "\(step)")
                let ending = try command.waitUntilExit()
                // That it runs is said before it is known that it does no more.
                let isLate = [.guestConfigured, .runningWritten, .reported].contains(step)
                #expect((ending == .exited(0)) == isLate, "\(step): \(vm.output)")
                try await vm.settle("\(victim) \(step)", [.exited])
                let now = try await vm.info()
                #expect(now?.exitStatus != 0 && now?.error != nil, "\(step): \(String(describing: now))")
            }
            for step in [SupervisorStep.stopAsked, .stopStepTaken] {
                _ = try await vm.start("start", fault: "\(step.faultName):19").waitUntilExit()
                try await vm.use("\(step)")
                let command = try await vm.start("stop", fault: "none:0")
                try await vm.killWhileSupervisorStands(victim, "\(step)")
                #expect(try command.waitUntilExit() == .exited(0), "\(step): \(vm.output)")
                try await vm.settle("\(victim) \(step)", [.exited])
            }
            try await vm.startAndUse("at last")
        }
    }

    @Test("any process at any moment; SMARTVM_FAULT_ROUNDS says how often")
    func anyMoment() async throws {
        let rounds = EnvironmentVariable.value("SMARTVM_FAULT_ROUNDS").flatMap { Int($0) } ?? 4
        try await FaultedVM.with { vm in
            try await vm.startAndUse("at first")
            for round in 0..<rounds {
                let command = try await vm.info()?.state == .running ? "stop" : "start"
                let child = try await vm.start(command, fault: "none:0")
                let moment = Int.random(in: 0...(command == "stop" ? 500 : 3000))
                try await Task.sleep(for: .milliseconds(moment))
                let victim = ["command", "supervisor", "vmm", "qemu"].randomElement() ?? "command"
                let pid = victim == "command" ? child.pid : SandboxTraces.pid(of: await vm.id, victim)
                if let pid { kill(pid, SIGKILL) }
                _ = try child.waitUntilExit()
                let what = "round \(round): \(command), \(victim) after \(moment) ms"
                try await vm.settle(what, [.exited, .running])
                if try await vm.info()?.state == .running { try await vm.use(what) }
            }
            try await vm.startAndUse("at last")
        }
    }
}

extension FaultedVM {
    /// - Parameter error: Why its last life ended; nil: as it should.
    func expectEnd(_ what: String, _ error: String?) async throws {
        let now = try await info()
        let isTold = now?.error == error && (error == nil) == (now?.exitStatus != 137)
        #expect(isTold, "\(what): \(String(describing: now))")
        if !isTold { FaultCount.add(faults: 0, lies: [what]) }
    }

    /// The supervisor has stopped itself; kills a process below it, and lets it go on.
    func killWhileSupervisorStands(_ victim: String, _ what: String) async throws {
        var supervisor: Int32?
        let stands = try await eventually(seconds: 60) {
            supervisor = SandboxTraces.pid(of: id, "supervisor")
            return supervisor.map { SandboxTraces.state(of: $0) == "T" } ?? false
        }
        #expect(stands, "\(what) was not reached: \(output)")
        // The VMM may still be on its way to QEMU. A guest that was asked to shut down may have done so.
        var isKilled = false
        _ = try await eventually(seconds: 5) {
            isKilled = SandboxTraces.pid(of: id, victim).map { kill($0, SIGKILL) == 0 } ?? false
            return isKilled
        }
        #expect(isKilled || what == "\(SupervisorStep.stopStepTaken)", "\(what): there is no \(victim)")
        if let supervisor { kill(supervisor, SIGCONT) }
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
