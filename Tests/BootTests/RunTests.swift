import Glibc
import Linux
import Testing

/// Every test here boots real Linux guests.
@Suite("smartvm run", BootCapability.trait, .serialized, .timeLimit(.minutes(15)))
struct RunTests {
    private func run(_ arguments: [String], input: String = "") async throws -> SmartVMProgram.Result {
        try await SmartVMProgram.run(["run"] + arguments, input: input)
    }

    @Test("a command prints what the guest's kernel says, and nothing of it is left")
    func uname() async throws {
        let name = uniqueName("uname")
        let result = try await run(["--name", name, "--", "uname", "-a"])
        var host = utsname()
        Glibc.uname(&host)
        let release = withUnsafeBytes(of: &host.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        #expect(result.status == 0, "\(result.standardError)")
        #expect(result.standardOutput.hasPrefix("Linux \(name) "))
        #expect(!result.standardOutput.contains(release))
        #expect(Traces.directories(name) == [])
        #expect(Traces.processes(name) == [])
    }

    @Test(
        "the exit status is the command's",
        arguments: [
            (["sh", "-c", "exit 7"], 7, ""), (["sh", "-c", "kill -TERM $$"], 143, ""), (["true"], 0, ""),
            (["nosuch"], 127, "nosuch"), (["/etc"], 126, "/etc"), (["/etc/passwd"], 126, "/etc/passwd"),
        ] as [([String], Int32, String)])
    func exitStatus(command: [String], status: Int32, sentence: String) async throws {
        let result = try await run(["--"] + command)
        #expect(result.status == status, "\(result.standardError)")
        #expect(result.standardError.contains(sentence))
    }

    @Test("standard input, output and error are the command's, and apart")
    func streams() async throws {
        let result = try await run(["-i", "--", "sh", "-c", "tr a-z A-Z; echo aside >&2"], input: "hello\n")
        #expect(result.standardOutput == "HELLO\n")
        #expect(result.standardError == "aside\n")
        #expect(result.status == 0)
    }

    @Test("without -i standard input is empty")
    func noInput() async throws {
        let result = try await run(["--", "wc", "-c"], input: "hello\n")
        #expect(result.standardOutput.trimmed == "0")
    }

    @Test("megabytes pass both ways unharmed")
    func bulk() async throws {
        let text = String(repeating: "0123456789abcde\n", count: 128 << 10)
        let result = try await run(["-i", "--", "cat"], input: text)
        #expect(result.status == 0)
        #expect(result.standardOutput == text)
    }

    @Test("environment, directory, user, host name, CPUs and memory are what was asked for")
    func options() async throws {
        let result = try await run([
            "--env", "GREETING=hi there", "--workdir", "/tmp", "--user", "nobody", "--cpus", "2", "--memory", "384",
            "--hostname", "box", "--", "sh", "-c",
            "echo $GREETING; pwd; id -un; nproc; hostname; grep MemTotal /proc/meminfo",
        ])
        let lines = result.standardOutput.split(separator: "\n").map(String.init)
        #expect(result.status == 0, "\(result.standardError)")
        #expect(lines.prefix(5) == ["hi there", "/tmp", "nobody", "2", "box"])
        let kibibytes = lines.last?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        #expect(kibibytes > 300 << 10 && kibibytes < 384 << 10)
    }

    @Test("the root can be written, and is new each time")
    func overlay() async throws {
        let first = try await run(["--", "sh", "-c", "echo x > /etc/mark && rm /etc/passwd && cat /etc/mark"])
        #expect(first.standardOutput == "x\n", "\(first.standardError)")
        let second = try await run(["--", "sh", "-c", "ls /etc/mark; head -c 4 /etc/passwd"])
        #expect(second.standardOutput == "root")
    }

    @Test("--timeout ends the VM with 124")
    func timeout() async throws {
        let name = uniqueName("timeout")
        let result = try await run(["--name", name, "--timeout", "5", "--", "sleep", "600"])
        #expect(result.status == 124)
        #expect(Traces.directories(name) == [] && Traces.processes(name) == [])
    }

    @Test("--entrypoint comes before the command")
    func entrypoint() async throws {
        let result = try await run(["--entrypoint", "echo", "--", "a", "b"])
        #expect(result.standardOutput == "a b\n")
    }

    @Test("--console shows the kernel's output on standard error")
    func console() async throws {
        let result = try await run(["--console", "--", "true"])
        #expect(result.status == 0)
        #expect(result.standardError.contains("Linux version"))
        #expect(result.standardOutput.isEmpty)
    }

    @Test("several at once do not get in each other's way")
    func parallel() async throws {
        let outputs = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<3 {
                group.addTask { try await run(["--", "sh", "-c", "echo \(number)"]).standardOutput }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(outputs == ["0\n", "1\n", "2\n"])
    }
}

extension String {
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
