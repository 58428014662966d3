import Glibc
import Linux
import SupervisorProtocol
import Testing

@testable import SmartVM

/// A VM with a disk, to which faults happen one after another. After each it is asked whether what is said of it is true, whether
/// anything is left that should not be, and whether its disk still has what was synced last.
actor FaultedVM {
    nonisolated let name = uniqueName("fault")
    private(set) var id = ""
    /// What the file on its disk has.
    private var value = ""
    /// Debug builds alone have fault points.
    static let supervisor =
        SmartVMProgram.path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/smartvm-supervisor"

    func make() async throws {
        let made = try await SmartVMProgram.run(["create", "--name", name, "--disk", "32m"])
        try #require(made.status == 0, "\(made.standardError)")
        id = made.standardOutput.trimmed
    }

    /// Runs a command on it that ends as it should.
    func run(_ words: String...) async throws {
        let result = try await SmartVMProgram.run(words + [name])
        #expect(result.status == 0, "\(words) \(name): \(result.standardError)")
    }

    /// Starts a command on it, with a fault.
    func start(_ command: String, fault: String) throws -> ChildProcess {
        try SmartVMProgram.start(
            command.split(separator: " ").map(String.init) + [name], output: "/tmp/\(name).out",
            variables: [FaultPoint.variable: fault, "SMARTVM_SUPERVISOR": Self.supervisor])
    }

    nonisolated func info() async throws -> SandboxInfo? {
        try await SmartVM(SmartVMOptions(dataDir: Traces.dataDirectory)).sandboxes.list(all: true).first {
            $0.name == name
        }
    }

    /// What it has printed that was started last.
    nonisolated var output: String { (try? File.readText("/tmp/\(name).out")) ?? "" }

    /// Waits until it is neither coming up nor going down, and compares what is said with what there is.
    ///
    /// - Parameter expected: States that it may be in.
    func settle(_ what: String, _ expected: Set<SandboxInfo.State>) async throws {
        var lies: [String] = []
        var leaks: [String] = []
        // Whoever sees a process end may need a moment to say so.
        _ = try await eventuallyAsync(seconds: 60) {
            (lies, leaks) = try await compare(expected)
            return lies.isEmpty && leaks.isEmpty
        }
        #expect(lies == [] && leaks == [], "\(what): \(lies) \(leaks) \(output)")
        FaultCount.add(leaks: leaks, lies: lies)
    }

    /// What is said against what there is.
    private func compare(_ expected: Set<SandboxInfo.State>) async throws -> (lies: [String], leaks: [String]) {
        guard let now = try await info() else { return ([], id.isEmpty ? [] : SandboxTraces.running(id)) }
        let state = "\(now.state): \(now.error ?? "")"
        guard expected.contains(now.state) else { return ([state], []) }
        guard now.state == .running else { return ([], SandboxTraces.running(now.id)) }
        let isTrue =
            SandboxTraces.pid(of: now.id, "supervisor").map(Int.init) == now.supervisorPid
            && SandboxTraces.pid(of: now.id, "vmm").map(Int.init) == now.vmmPid
        return (isTrue ? [] : [state], [])
    }

    /// It runs: its disk has what was synced last, and gets something new.
    func use(_ what: String) async throws {
        let next = uniqueName("value")
        let script = "test -z '\(value)' || cat /root/value; echo \(next) > /root/value && sync"
        let result = try await SmartVMProgram.run(["exec", name, "sh", "-c", script])
        let isKept = result.status == 0 && result.standardOutput.trimmed == value
        #expect(isKept, "\(what): '\(value)' is '\(result.standardOutput.trimmed)' now \(result.standardError)")
        if !isKept { FaultCount.add(faults: 0, lies: ["lost: \(value)"]) }
        value = next
    }

    /// Starts it with no fault, unless it runs, and uses it.
    func startAndUse(_ what: String) async throws {
        try await run("start")
        try await use(what)
    }

    /// Removes it; nothing is left then.
    func remove(force: Bool = true) async throws {
        let result = try await SmartVMProgram.run(["rm"] + (force ? ["-f"] : []) + [name])
        #expect(result.status == 0, "\(result.standardError)")
        let left = SandboxTraces.all(id)
        #expect(left == [])
        FaultCount.add(faults: 0, leaks: left)
        unlink("/tmp/\(name).out")
    }

    static func with(_ body: (FaultedVM) async throws -> Void) async throws {
        let vm = FaultedVM()
        try await vm.make()
        do {
            try await body(vm)
        } catch {
            _ = try await SmartVMProgram.run(["rm", "-f", vm.name])
            throw error
        }
        try await vm.remove()
        FaultCount.report()
    }
}
