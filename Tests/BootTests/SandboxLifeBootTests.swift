import Foundation
import Glibc
import Linux
import Testing

@testable import SmartVM

/// What is told and changed of a VM while it runs: every test boots real guests.
@Suite("the life of VMs that stay", BootCapability.trait, .serialized, .timeLimit(.minutes(10)))
struct SandboxLifeBootTests {
    private func smartvm(_ arguments: String...) async throws -> SmartVMProgram.Result {
        try await SmartVMProgram.run(arguments)
    }

    private func events(_ name: String, since: String) async throws -> [SandboxEvent] {
        let result = try await smartvm(
            "events", "--since", since, "--until", "0s", "--filter", "vm=\(name)", "--format", "json")
        return try result.standardOutput.split(separator: "\n").map {
            try JSONDecoder().decode(SandboxEvent.self, from: Data($0.utf8))
        }
    }

    private func usage(_ name: String) async throws -> SandboxUsage {
        let result = try await smartvm("stats", "--no-stream", "--format", "json", name)
        let all = try JSONDecoder().decode([SandboxUsage].self, from: Data(result.standardOutput.utf8))
        return try #require(all.first)
    }

    /// How fast the guest gets 900 KB from the host, with all that it takes to begin.
    private func receivedBytesPerSecond(_ name: String) async throws -> Double {
        let address = try #require(try await SmartVM().sandboxes.get(name).info.networks.first).address
        let begin = ContinuousClock.now
        async let received = smartvm("exec", name, "--", "sh", "-c", "nc -l -p 5000 | wc -c")
        let send = "until exec 3>/dev/tcp/\(address)/5000; do sleep 0.1; done; head -c 900000 /dev/zero >&3"
        _ = try await Tool(name: "timeout", purpose: "connect", package: "coreutils").run(["60", "bash", "-c", send])
        let count = try #require(Double(try await received.standardOutput.trimmed))
        #expect(count == 900_000)
        return count / (ContinuousClock.now - begin).inSeconds
    }

    @Test("checks, usage, limits and events of one VM")
    func one() async throws {
        let name = uniqueName("told")
        let begin = "\(Date().timeIntervalSince1970)"
        let made = try await smartvm(
            "run", "-d", "--name", name, "--disk", "64m", "--health-cmd", "echo checked; test ! -e /tmp/sick",
            "--health-interval", "400ms", "--health-retries", "2")
        try #require(made.status == 0, "\(made.standardError)")
        do { try await oneVM(name, since: begin) } catch {
            _ = try await smartvm("rm", "-f", name)
            throw error
        }
        let removed = try await smartvm("rm", "-f", name)
        #expect(removed.status == 0, "\(removed.standardError)")
        #expect(SandboxTraces.all(made.standardOutput.trimmed) == [])
    }

    private func oneVM(_ name: String, since begin: String) async throws {
        let isHealthy = try await eventuallyAsync(seconds: 20) {
            try await smartvm("ps").standardOutput.contains("(healthy)")
        }
        #expect(isHealthy)
        let before = try await usage(name)
        let guest = try #require(before.guest)
        #expect(guest.memoryTotalBytes > 200 << 20 && guest.memoryUsedBytes < guest.memoryTotalBytes)
        #expect(guest.uptimeSeconds > 0 && guest.mounts.first?.path == "/" && before.cpuPercent != nil)
        #expect((before.host?.memoryBytes ?? 0) > 20 << 20 && (before.host?.cpuSeconds ?? 0) > 0)

        // A paused VM is not checked, and its guest is not asked.
        _ = try await smartvm("exec", name, "touch", "/tmp/sick")
        let isSick = try await eventuallyAsync(seconds: 20) {
            try await smartvm("ps", "--filter", "health=unhealthy", "-q").standardOutput != ""
        }
        #expect(isSick)
        let value1 = try await smartvm("pause", name).status
        #expect(value1 == 0)
        let streak = try await SmartVM().sandboxes.get(name).info.health?.failingStreak
        let paused = try await usage(name)
        #expect(paused.guest == nil && paused.host != nil)
        let later = try await SmartVM().sandboxes.get(name).info.health?.failingStreak
        #expect(streak == later && streak ?? 0 >= 2)
        let value2 = try await smartvm("unpause", name).status
        #expect(value2 == 0)

        // Less memory now, a slower disk now, and both in the next life.
        let update = try await smartvm(
            "update", "--memory", "160", "--disk-bandwidth", "2m", "--net-bandwidth", "300k", "--restart",
            "on-failure:1", name)
        #expect(update.status == 0, "\(update.standardError)")
        let id = try await smartvm("ps", "-q", "--filter", "name=\(name)").standardOutput.trimmed
        #expect(try await receivedBytesPerSecond(name) < 600_000)
        let isSmaller = try await eventuallyAsync(seconds: 20) { try await usage(name).guest?.balloonBytes == 96 << 20 }
        #expect(isSmaller)
        for refused in [["--memory", "512"], ["--cpus", "2"]] {
            let result = try await SmartVMProgram.run(["update"] + refused + [name])
            #expect(result.status == 1 && result.standardError.contains("smartvm stop"), "\(result.standardError)")
        }
        let write = ["exec", name, "sh", "-c", "time -p dd if=/dev/zero of=/root/f bs=1M count=6 conv=fsync"]
        let slow = try await SmartVMProgram.run(write)
        let seconds = slow.standardError.split(separator: "\n").first { $0.hasPrefix("real") }?.split(separator: " ")
            .last.flatMap { Double($0) }
        #expect(seconds ?? 0 > 1, "\(slow.standardError)")
        let value3 = try await smartvm("restart", name).status
        #expect(value3 == 0)
        let isSmallAgain = try await eventuallyAsync(seconds: 20) {
            try await usage(name).guest?.balloonBytes == 96 << 20
        }
        #expect(isSmallAgain)
        // A limiter's bucket is full at first.
        _ = try await receivedBytesPerSecond(name)
        #expect(try await receivedBytesPerSecond(name) < 600_000)

        // Somebody kills the supervisor: that is told, once, and everything before it is, too.
        let supervisor = try #require(SandboxTraces.pid(of: id, "supervisor"))
        kill(supervisor, SIGKILL)
        let isTold = try await eventuallyAsync(seconds: 20) {
            try await events(name, since: begin).filter { $0.action == "die" }.count == 2
        }
        #expect(isTold)
        let actions = try await events(name, since: begin).map(\.action)
        #expect(
            actions.filter { $0 != "health_status" } == [
                "create", "start", "pause", "unpause", "update", "stop", "die", "start", "die",
            ])
        #expect(actions.filter { $0 == "health_status" }.count >= 2)
    }

    @Test("a foreground run with a disk ends with its command's status; killed, it takes its VM with it")
    func foreground() async throws {
        let done = try await SmartVMProgram.run(
            ["run", "-i", "--disk", "32m", "--", "sh", "-c", "cat; echo err >&2; exit 7"], input: "in\n")
        #expect(done.status == 7 && done.standardOutput == "in\n" && done.standardError == "err\n", "\(done)")
        let name = uniqueName("leash")
        let output = "/tmp/smartvm-\(name)"
        defer { try? FileTree.remove(output) }
        let command = try SmartVMProgram.start(
            ["run", "--name", name, "--disk", "32m", "--", "sh", "-c", "echo up; sleep 1000"], output: output)
        let isUp = try await eventually(seconds: 30) { try File.readText(output).hasPrefix("up") }
        #expect(isUp)
        let id = try await smartvm("ps", "-q", "--filter", "name=\(name)").standardOutput.trimmed
        command.kill(SIGKILL)
        _ = try command.waitUntilExit()
        let isGone = try await eventually(seconds: 20) {
            !SandboxTraces.running(id).contains { $0.contains("supervisor") }
        }
        #expect(isGone)
        let list = try await smartvm("ps", "-a")
        #expect(!list.standardOutput.contains(name))
        #expect(!id.isEmpty && SandboxTraces.all(id) == [])
    }

    @Test(
        "one that is removed at its end prints, is waited for and is gone; an unhealthy one is started again if asked for"
    )
    func removed() async throws {
        let name = uniqueName("brief")
        let made = try await smartvm(
            "run", "-d", "--rm", "--name", name, "--", "sh", "-c", "echo printed; sleep 2; exit 5")
        try #require(made.status == 0, "\(made.standardError)")
        async let logs = smartvm("logs", "-f", name)
        let waited = try await smartvm("wait", name)
        #expect(waited.standardOutput == "5\n", "\(waited.standardError)")
        let printed = try await logs
        #expect(printed.standardOutput == "printed\n", "\(printed.standardError)")
        #expect(SandboxTraces.all(made.standardOutput.trimmed) == [])

        let sick = uniqueName("sick")
        let begin = "\(Date().timeIntervalSince1970)"
        let ill = try await smartvm(
            "run", "-d", "--rm", "--name", sick, "--health-cmd", "exit 3", "--health-interval", "300ms",
            "--health-retries", "1", "--health-on-failure", "restart")
        try #require(ill.status == 0, "\(ill.standardError)")
        let isRestarted = try await eventuallyAsync(seconds: 30) {
            try await events(sick, since: begin).contains { $0.action == "start" && $0.attributes["restarts"] == "1" }
        }
        #expect(isRestarted)
        let stopped = try await smartvm("stop", sick)
        #expect(stopped.status == 0, "\(stopped.standardError)")
        #expect(SandboxTraces.all(ill.standardOutput.trimmed) == [])
    }
}
