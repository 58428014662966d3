import Glibc
import Linux
import SupervisorProtocol
import Testing

@testable import SmartVM

/// A VM with a disk, a volume, a copied directory, and, where this user may make one, a network with a published port and rules, to which faults happen one after another. After each it is asked whether what is said of it is true, whether
/// anything is left that should not be, and whether its disk still has what was synced last.
actor FaultedVM {
    nonisolated let name = uniqueName("fault")
    private(set) var id = ""
    /// What the file on its disk has.
    private var value = ""
    /// What the host had before.
    private var before: Set<String> = []
    private nonisolated var volume: String { "\(name)-data" }
    private nonisolated var given: String { "/tmp/\(name).given" }
    /// Debug builds alone have fault points.
    static let supervisor =
        SmartVMProgram.path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/smartvm-supervisor"

    private static let hasNetwork = NetworkPermission.problem() == nil

    /// What there is now is not its own.
    func look() async throws { before = try await HostRemains.lines() }

    func make() async throws {
        if before.isEmpty { try await look() }
        try FileTree.makeDirectories(given, mode: 0o700)
        try File.write(Array("given".utf8), to: "\(given)/file")
        var arguments = ["create", "--name", name, "--disk", "32m", "--volume", "\(volume):/data"]
        arguments += ["--copy-in", "\(given):/given"]
        if Self.hasNetwork {
            arguments += ["--publish", "127.0.0.1::80", "--egress", "deny", "--egress-rule", "allow:*.example:80/tcp"]
        }
        let made = try await SmartVMProgram.run(arguments)
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
            // What a list has put right is gone when it has ended.
            if lies.isEmpty, leaks.isEmpty { (lies, leaks) = try await compareHost() }
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

    /// What the host has for it, against what it should have.
    private func compareHost() async throws -> (lies: [String], leaks: [String]) {
        let now = try await HostRemains.lines()
        guard let info = try await info(), info.state == .running else {
            let leaks = now.subtracting(before).sorted()
            let path = "\(Traces.dataDirectory)/volumes/\(volume)/disk.ext4"
            let isFree = !FileTree.exists(path) || (try? VolumeUse(path, isReadOnly: false)) != nil
            return ([], leaks + (isFree ? [] : ["the lock of \(path)"]))
        }
        guard Self.hasNetwork else { return ([], []) }
        guard let network = info.networks.first, info.networkProblem == nil, info.ports.count == 1 else {
            return (["network: \(info)"], [])
        }
        let wanted = [
            "interface \(network.tapName)", "/names/\(name)", "nft chain", "\"vm-\(network.address)\"",
            "\"vm-\(network.address)-0\"", "nft element smartvm-svbr0 guests", "nft element smartvm-svbr0 resolvers",
            "row lease", "row port", "/networks/running/\(id)", "row network",
        ]
        return (wanted.filter { what in !now.contains { $0.contains(what) } }.map { "without \($0)" }, [])
    }

    /// It runs: its disk has what was synced last, and gets something new.
    func use(_ what: String) async throws {
        let next = uniqueName("value")
        let files = "/root/value /data/value"
        // The gateway answers through the TAP, the bridge and the rules.
        let network = Self.hasNetwork ? "ping -c 1 -W 5 172.30.0.1 >&2 || exit 9; " : ""
        let script =
            "test -z '\(value)' || cat \(files); \(network)test -f /given/file && echo \(next) | tee \(files) >&2 && sync"
        let result = try await SmartVMProgram.run(["exec", name, "sh", "-c", script])
        let expected = value.isEmpty ? "" : "\(value)\n\(value)"
        let isKept = result.status == 0 && result.standardOutput.trimmed == expected
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
        if id.isEmpty { id = try await info()?.id ?? "none" }
        let result = try await SmartVMProgram.run(["rm"] + (force ? ["-f"] : []) + [name])
        #expect(result.status == 0, "\(result.standardError)")
        _ = try await SmartVMProgram.run(["volume", "rm", volume])
        try? FileTree.removeAll(given)
        let left = SandboxTraces.all(id) + (try await HostRemains.lines().subtracting(before).sorted())
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
            try? await vm.remove()
            throw error
        }
        try await vm.remove()
        FaultCount.report()
    }
}
