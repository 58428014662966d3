import Glibc
import Linux
import Testing

@testable import SmartVM

/// Many commands at once, on many VMs and on the same one.
@Suite("VMs that stay, when many processes are at them", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct SandboxCrowdTests {
    @Test("8 processes make and remove 200 VMs at once, some of which are started; some of the processes are killed")
    func crowd() async throws {
        let prefix = uniqueName("crowd")
        let problems = try await withThrowingTaskGroup(of: [String].self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var problems: [String] = []
                    for number in 0..<25 {
                        let name = "\(prefix)-\(worker)-\(number)"
                        if number % 5 == 4 {
                            // Killed somewhere; what it has left is removed by those who come next.
                            let child = try SmartVMProgram.start(["create", "--name", name], output: "/dev/null")
                            try await Task.sleep(for: .milliseconds(Int.random(in: 0...80)))
                            child.kill(SIGKILL)
                            _ = try child.waitUntilExit()
                            _ = try await SmartVMProgram.run(["rm", "-f", name])
                            FaultCount.add()
                            continue
                        }
                        var commands = [["create", "--name", name], ["rm", name]]
                        if number == 12, worker < 4 {
                            commands = [["run", "-d", "--name", name], ["stop", name], ["rm", name]]
                        }
                        for command in commands {
                            let result = try await SmartVMProgram.run(command)
                            if result.status != 0 { problems.append("\(command): \(result.standardError)") }
                        }
                    }
                    return problems
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(problems == [])
        let left = try await SmartVM(SmartVMOptions(dataDir: Traces.dataDirectory)).sandboxes.list(all: true)
            .map(\.name).filter { $0.hasPrefix(prefix) }
        let directories = try FileTree.names(at: "\(Traces.dataDirectory)/vms")
        #expect(left == [] && directories == [])
        FaultCount.add(leaks: left + directories, lies: problems)
        FaultCount.report()
    }

    @Test("two commands on one VM take turns, whichever they are")
    func races() async throws {
        let name = uniqueName("race")
        let other = "\(name)-other"
        let made = try await SmartVMProgram.run(["create", "--name", name])
        let id = made.standardOutput.trimmed
        func both(_ one: [String], _ two: [String]) async throws -> [SmartVMProgram.Result] {
            async let first = SmartVMProgram.run(one)
            async let second = SmartVMProgram.run(two)
            let results = try await [first, second]
            FaultCount.add()
            return results
        }
        let starts = try await both(["start", name], ["start", name])
        #expect(starts.allSatisfy { $0.status == 0 }, "\(starts)")
        #expect(SandboxTraces.running(id).count { $0.contains("smartvm-supervisor") } == 1)
        let stops = try await both(["stop", name], ["kill", name])
        #expect(stops[0].status == 0, "\(stops)")
        #expect(SandboxTraces.running(id) == [])
        let renamed = try await both(["rename", name, other], ["start", id])
        #expect(renamed.allSatisfy { $0.status == 0 }, "\(renamed)")
        let turns = try await both(["restart", other], ["stop", other])
        #expect(turns.allSatisfy { $0.status == 0 }, "\(turns)")
        _ = try await SmartVMProgram.run(["stop", other])
        let removed = try await both(["rm", "-f", other], ["start", other])
        #expect(removed[0].status == 0, "\(removed)")
        // What comes second finds nothing; what comes first is undone.
        #expect([0, 1].contains(removed[1].status), "\(removed)")
        let left = SandboxTraces.all(id)
        #expect(left == [])
        FaultCount.add(faults: 0, leaks: left)
        FaultCount.report()
    }
}
