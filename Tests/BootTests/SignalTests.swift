import Glibc
import Linux
import Testing

@Suite("Signals, terminals and sudden ends", BootCapability.trait, .serialized, .timeLimit(.minutes(15)))
struct SignalTests {
    private func waitForText(_ text: String, in path: String) async throws -> Bool {
        try await eventually(seconds: 60) { (try? File.readText(path).contains(text)) == true }
    }

    @Test("Ctrl-C reaches the command")
    func interrupt() async throws {
        let name = uniqueName("int")
        let output = "/tmp/smartvm-\(name).log"
        defer { unlink(output) }
        let child = try SmartVMProgram.start(
            [
                "run", "--name", name, "--", "sh", "-c",
                "trap 'echo caught; exit 42' INT; echo ready; while :; do sleep 0.1; done",
            ],
            output: output)
        try #require(try await waitForText("ready", in: output), "\((try? File.readText(output)) ?? "")")
        child.kill(SIGINT)
        try #require(child.waitForEnd(timeout: .seconds(20)))
        #expect(try child.waitUntilExit() == .exited(42))
        #expect(try File.readText(output).contains("caught"))
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [])
    }

    @Test("a second Ctrl-C ends the VM of a command that ignores the first")
    func secondInterrupt() async throws {
        let name = uniqueName("int2")
        let output = "/tmp/smartvm-\(name).log"
        defer { unlink(output) }
        let child = try SmartVMProgram.start(
            ["run", "--name", name, "--", "sh", "-c", "trap '' INT; echo ready; while :; do sleep 1; done"],
            output: output)
        try #require(try await waitForText("ready", in: output))
        child.kill(SIGINT)
        #expect(!child.waitForEnd(timeout: .seconds(1)))
        child.kill(SIGINT)
        try #require(child.waitForEnd(timeout: .seconds(20)))
        #expect(try child.waitUntilExit() == .exited(130))
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [])
    }

    @Test("Ctrl-C while the guest boots ends the VM")
    func interruptedBoot() async throws {
        let name = uniqueName("int3")
        let output = "/tmp/smartvm-\(name).log"
        defer { unlink(output) }
        let child = try SmartVMProgram.start(["run", "--name", name, "--", "true"], output: output)
        try #require(try await eventually { !Traces.processes(name).isEmpty })
        child.kill(SIGINT)
        try #require(child.waitForEnd(timeout: .seconds(20)))
        #expect(try child.waitUntilExit() == .exited(130))
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [])
    }

    @Test(
        "after kill -9 at any moment the next command removes what is left",
        arguments: [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.5])
    func killed(after seconds: Double) async throws {
        let name = uniqueName("kill")
        let output = "/tmp/smartvm-\(name).log"
        defer { unlink(output) }
        let child = try SmartVMProgram.start(["run", "--name", name, "--", "sleep", "600"], output: output)
        try await Task.sleep(for: .seconds(seconds))
        child.kill(SIGKILL)
        #expect(try child.waitUntilExit() == .signaled(SIGKILL))
        // Any command will do, even one that makes no VM.
        _ = try await SmartVMProgram.run(["image", "ls"])
        #expect(Traces.directories(name) == [])
        #expect(Traces.processes(name) == [])
    }

    @Test("the VMM killed under a running command is an error that says so, and nothing is left")
    func killedVMM() async throws {
        let name = uniqueName("vmm")
        let output = "/tmp/smartvm-\(name).log"
        defer { unlink(output) }
        let child = try SmartVMProgram.start(
            ["run", "--name", name, "--", "sh", "-c", "echo ready; sleep 600"], output: output)
        try #require(try await waitForText("ready", in: output))
        let record = try File.readText("\(Traces.dataDirectory)/run/\(name)/process")
        let pid = try #require(record.split(separator: " ").first.flatMap { Int32($0) })
        try ChildProcess(adopting: pid).kill(SIGKILL)
        try #require(child.waitForEnd(timeout: .seconds(20)))
        #expect(try child.waitUntilExit() == .exited(125))
        #expect(try File.readText(output).contains("smartvm: "))
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [])
    }

    @Test("-t gives the command a terminal of the right size")
    func terminal() async throws {
        let terminal = try PseudoTerminal(Terminal.Size(rows: 40, columns: 123))
        var spawn = Spawn(
            SmartVMProgram.path,
            arguments: ["smartvm", "run", "-it", "--", "sh", "-c", "tty; stty size; read line; echo got $line"])
        spawn.environment = ["PATH", "HOME", "SMARTVM_DATA_DIR", "SMARTVM_GUEST", "SMARTVM_QEMU"].compactMap { name in
            EnvironmentVariable.value(name).map { "\(name)=\($0)" }
        }
        let descriptor = terminal.terminal.rawValue
        spawn.descriptors = [descriptor, descriptor, descriptor]
        spawn.newSession = true
        spawn.controllingTerminal = true
        let child = try spawn.start().child
        try terminal.controller.setNonBlocking()
        var output = ""
        var answered = false
        let ended = try await eventually(seconds: 60) {
            var buffer = [UInt8](repeating: 0, count: 4096)
            if let count = try? buffer.withUnsafeMutableBytes({ try terminal.controller.read(into: $0) }) {
                output += String(decoding: buffer[..<count], as: UTF8.self)
            }
            if output.contains("40 123"), !answered {
                answered = true
                try terminal.controller.writeAll(Array("hello\r".utf8))
            }
            return output.contains("got hello") && !child.isRunning
        }
        #expect(ended, "\(output)")
        #expect(output.contains("/dev/pts/"))
        child.kill(SIGKILL)
        _ = try child.waitUntilExit()
    }
}
