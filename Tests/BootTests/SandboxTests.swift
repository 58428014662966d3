import Glibc
import Linux
import Testing

/// VMs that stay, as a person uses them: every test boots real guests.
@Suite("VMs that stay", BootCapability.trait, .serialized, .timeLimit(.minutes(15)))
struct SandboxTests {
    private func smartvm(_ arguments: String..., input: String = "") async throws -> SmartVMProgram.Result {
        try await SmartVMProgram.run(arguments, input: input)
    }

    /// Makes a VM, gives its id to `body`, and removes it.
    private func withVM(
        _ name: String, _ options: [String] = [], command: [String] = [], _ body: (String) async throws -> Void
    ) async throws {
        let made = try await SmartVMProgram.run(
            ["run", "-d", "--name", name] + options + (command.isEmpty ? [] : ["--"] + command))
        try #require(made.status == 0, "\(made.standardError)")
        let id = made.standardOutput.trimmed
        do { try await body(id) } catch {
            _ = try await smartvm("rm", "-f", name)
            throw error
        }
        let removed = try await smartvm("rm", "-f", name)
        #expect(removed.status == 0, "\(removed.standardError)")
        #expect(SandboxTraces.all(id) == [])
    }

    private func state(_ name: String) async throws -> String {
        let result = try await smartvm("inspect", name)
        let line = result.standardOutput.split(separator: "\n").first { $0.contains("\"state\" : \"") }
        return line.map { String($0.split(separator: "\"")[3]) } ?? "none"
    }

    @Test("one lives on after the command that made it, takes commands, is stopped and started again")
    func life() async throws {
        let name = uniqueName("life")
        try await withVM(name) { id in
            #expect(id.count == 12)
            let hostname = try await smartvm("exec", name, "hostname")
            #expect(hostname.standardOutput == "\(name)\n", "\(hostname.standardError)")
            let byID = try await smartvm("exec", "-i", String(id.prefix(8)), "--", "tr", "a-z", "A-Z", input: "hello\n")
            #expect(byID.standardOutput == "HELLO\n")
            let failing = try await smartvm("exec", name, "sh", "-c", "exit 7")
            #expect(failing.status == 7)
            let shell = try await smartvm("shell", name, input: "echo $((6*7)) > /tmp/answer; cat /tmp/answer\n")
            #expect(shell.standardOutput == "42\n")
            let list = try await smartvm("ps")
            let line = list.standardOutput.split(separator: "\n").first { $0.contains(id) }
            #expect(line?.contains("running") == true, "\(list.standardOutput)")
            #expect(list.standardOutput.split(separator: "\n").allSatisfy { $0.count <= 80 })

            // Its machine is the same after it was stopped, and what it wrote in memory is gone.
            let before = try await smartvm("exec", name, "cat", "/etc/machine-id")
            let stopped = try await smartvm("stop", name)
            #expect(stopped.status == 0 && stopped.standardOutput == "\(name)\n", "\(stopped.standardError)")
            #expect(SandboxTraces.running(id) == [])
            let value1 = try await state(name)
            #expect(value1 == "exited")
            let refused = try await smartvm("exec", name, "true")
            #expect(refused.status == 1 && refused.standardError.contains("smartvm start"))
            let started = try await smartvm("start", name)
            #expect(started.status == 0, "\(started.standardError)")
            let again = try await smartvm("start", name)
            #expect(again.status == 0)
            let after = try await smartvm("exec", name, "sh", "-c", "cat /etc/machine-id; ls /tmp")
            #expect(after.standardOutput == before.standardOutput)
        }
        let gone = try await smartvm("stop", name)
        #expect(gone.status == 1 && gone.standardError.contains("No such VM: \(name)."))
    }

    @Test("it ends with its command, whose output and status are kept")
    func command() async throws {
        let name = uniqueName("command")
        try await withVM(name, command: ["sh", "-c", "echo out; echo err >&2; printf part; sleep 1; exit 3"]) { id in
            let waited = try await smartvm("wait", name)
            #expect(waited.standardOutput == "3\n", "\(waited.standardError)")
            #expect(SandboxTraces.running(id) == [])
            let logs = try await smartvm("logs", name)
            #expect(logs.standardOutput == "out\npart" && logs.standardError == "err\n")
            let last = try await smartvm("logs", "--tail", "1", "-t", name)
            #expect(last.standardOutput.hasSuffix("Z part"))
            let none = try await smartvm("logs", "--since", "2199-01-01T00:00:00Z", name)
            #expect(none.standardOutput == "")
            let list = try await smartvm("ps", "-a")
            #expect(list.standardOutput.contains("exited (3)"))
            let running = try await smartvm("ps", "--format", "json")
            #expect(!running.standardOutput.contains(id))
        }
    }

    @Test("a command that saves its work at SIGTERM has the time that stop gives")
    func gracefulStop() async throws {
        let name = uniqueName("graceful")
        let command = "trap 'sleep 2.5; echo saved; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
        try await withVM(name, ["--network", "none"], command: ["sh", "-c", command]) { _ in
            let isReady = try await eventuallyAsync(seconds: 20) {
                try await smartvm("logs", name).standardOutput == "ready\n"
            }
            #expect(isReady)
            let stopped = try await smartvm("stop", "--time", "20", name)
            #expect(stopped.status == 0, "\(stopped.standardError)")
            let logs = try await smartvm("logs", name)
            #expect(logs.standardOutput == "ready\nsaved\n")
            let waited = try await smartvm("wait", name)
            #expect(waited.standardOutput == "5\n")
        }
    }

    @Test("logs follow a command until it ends")
    func follow() async throws {
        let name = uniqueName("follow")
        try await withVM(name, command: ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.5; done"]) { _ in
            let logs = try await smartvm("logs", "-f", name)
            #expect(logs.standardOutput == "1\n2\n3\n")
        }
    }

    @Test("a command that cannot be run is an error with docker's status, and leaves no VM")
    func missingCommand() async throws {
        let name = uniqueName("missing")
        let result = try await smartvm("run", "-d", "--name", name, "--", "nosuch")
        #expect(result.status == 127 && result.standardError.contains("nosuch"), "\(result.standardError)")
        let list = try await smartvm("ps", "-a")
        #expect(!list.standardOutput.contains(name))
    }

    @Test("a guest that cannot boot is an error that shows its console")
    func badBoot() async throws {
        let name = uniqueName("bad")
        let made = try await smartvm(
            "create", "--name", name, "--boot-args", "console=ttyS0 reboot=k panic=1 smartvm.root=/dev/vdx")
        #expect(made.status == 0, "\(made.standardError)")
        let started = try await smartvm("start", name)
        #expect(started.status == 1 && started.standardError.contains("/dev/vdx"), "\(started.standardError)")
        #expect(SandboxTraces.running(made.standardOutput.trimmed) == [])
        let removed = try await smartvm("rm", name)
        #expect(removed.status == 0, "\(removed.standardError)")
    }

    @Test("signals reach the command, KILL ends the VM, and it is paused and let run on")
    func signals() async throws {
        let name = uniqueName("signals")
        let script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
        try await withVM(name, command: ["sh", "-c", script]) { id in
            let value2 = try await smartvm("pause", name).status
            #expect(value2 == 0)
            let value3 = try await state(name)
            #expect(value3 == "paused")
            let value4 = try await smartvm("pause", name).status
            #expect(value4 == 1)
            let value5 = try await smartvm("unpause", name).status
            #expect(value5 == 0)
            // Before it has said so, the signal would end it.
            let isReady = try await eventuallyAsync(seconds: 10) {
                try await smartvm("logs", name).standardOutput == "ready\n"
            }
            #expect(isReady)
            let value6 = try await smartvm("kill", "--signal", "TERM", name).status
            #expect(value6 == 0)
            let waited = try await smartvm("wait", name)
            #expect(waited.standardOutput == "5\n")
            let logs = try await smartvm("logs", name)
            #expect(logs.standardOutput == "ready\ncaught\n")

            let value7 = try await smartvm("start", name).status
            #expect(value7 == 0)
            let value8 = try await smartvm("kill", name).status
            #expect(value8 == 0)
            #expect(SandboxTraces.running(id) == [])
            let value9 = try await smartvm("wait", name).standardOutput
            #expect(value9 == "137\n")
        }
    }

    @Test("names are unique, can be changed, and a VM that runs is not removed unless that is forced")
    func names() async throws {
        let name = uniqueName("names")
        let other = uniqueName("other")
        try await withVM(name) { _ in
            let second = try await smartvm("create", "--name", name)
            #expect(second.status == 1 && second.standardError.contains("taken"), "\(second.standardError)")
            let refused = try await smartvm("rm", name)
            #expect(refused.status == 1 && refused.standardError.contains("rm -f"))
            let value10 = try await smartvm("rename", name, other).status
            #expect(value10 == 0)
            let value11 = try await state(other)
            #expect(value11 == "running")
            let value12 = try await smartvm("rename", other, name).status
            #expect(value12 == 0)
        }
    }

    @Test("what a guest writes to its disk survives stop, kill and start")
    func disk() async throws {
        let name = uniqueName("disk")
        try await withVM(name, ["--disk", "64m"]) { _ in
            let size = try await smartvm("exec", name, "sh", "-c", "echo kept > /root/file; df -m / | tail -1")
            #expect(size.status == 0, "\(size.standardError)")
            let value13 = try await smartvm("stop", name).status
            #expect(value13 == 0)
            let value14 = try await smartvm("start", name).status
            #expect(value14 == 0)
            let kept = try await smartvm("exec", name, "sh", "-c", "cat /root/file; echo synced > /root/second; sync")
            #expect(kept.standardOutput == "kept\n", "\(kept.standardError)")
            // What was synced survives the power's going off.
            let value15 = try await smartvm("kill", name).status
            #expect(value15 == 0)
            let value16 = try await smartvm("start", name).status
            #expect(value16 == 0)
            let both = try await smartvm("exec", name, "cat", "/root/file", "/root/second")
            #expect(both.standardOutput == "kept\nsynced\n", "\(both.standardError)")
        }
    }

    @Test("it is started again as its policy says, and stopped when its time is over")
    func restarts() async throws {
        let name = uniqueName("restarts")
        try await withVM(name, ["--restart", "on-failure:2"], command: ["sh", "-c", "echo life; sleep 0.3; exit 9"]) {
            _ in
            let waited = try await smartvm("wait", name)
            #expect(waited.standardOutput == "9\n")
            let logs = try await smartvm("logs", name)
            #expect(logs.standardOutput == "life\nlife\nlife\n")
        }
        let brief = uniqueName("brief")
        try await withVM(brief, ["--ttl", "4"]) { id in
            _ = try await smartvm("wait", brief)
            #expect(SandboxTraces.running(id) == [])
            let state = try await smartvm("inspect", brief)
            #expect(state.standardOutput.contains("Its lifetime of 4 seconds was over."))
        }
    }
}

/// What VMs that stay have on the host.
enum SandboxTraces {
    private static var data: String { Traces.dataDirectory }

    /// Processes and runtime directories of one that runs.
    static func running(_ id: String) -> [String] {
        let supervisors = ((try? FileTree.names(at: "/proc")) ?? []).filter { pid in
            let arguments = (try? File.readText("/proc/\(pid)/cmdline")) ?? ""
            return Int32(pid) != nil && arguments.hasPrefix("smartvm-supervisor") && arguments.contains(id)
        }
        return supervisors.map { "\($0): smartvm-supervisor" } + Traces.processes(id) + Traces.directories(id)
    }

    /// The supervisor (`supervisor`), the VMM (`vmm`) or QEMU (`qemu`) of one that runs.
    static func pid(of id: String, _ kind: String) -> Int32? {
        let lines = kind == "supervisor" ? running(id) : Traces.processes(id)
        let name = ["supervisor": "smartvm-supervisor", "vmm": "/smartvm-qemu", "qemu": " qemu-system"][kind] ?? kind
        return lines.first { $0.contains(name) }?.split(separator: ":").first.flatMap { Int32($0) }
    }

    /// The letter that /proc has for what a process is doing.
    static func state(of pid: Int32) -> String {
        let text = (try? File.readText("/proc/\(pid)/stat")) ?? ""
        return text.split(separator: ")").last?.split(separator: " ").first.map(String.init) ?? ""
    }

    /// The same, and its directory.
    static func all(_ id: String) -> [String] {
        running(id) + ((try? FileTree.names(at: "\(data)/vms")) ?? []).filter { $0 == id }
    }
}
