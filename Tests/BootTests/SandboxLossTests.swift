import Glibc
import Linux
import Testing

@testable import SmartVM

/// What a running VM needs is taken away, or does not answer.
@Suite(
    "VMs that stay, when sockets and TAPs go and processes hang", BootCapability.trait, .serialized,
    .timeLimit(.minutes(10)))
struct SandboxLossTests {
    private func check(_ isTrue: Bool, _ what: String) {
        #expect(isTrue, "\(what)")
        FaultCount.add(faults: 0, lies: isTrue ? [] : [what])
    }

    @Test("without its sockets, and without its TAP, a VM is still seen and stopped in good order")
    func sockets() async throws {
        try await PrivateData.with { data in
            try await data.shell("ip tuntap add dev gone0 mode tap")
            try await data.shell(#"echo '{"networkInterfaces":[{"ifaceId":"eth0","hostDevName":"gone0"}]}' > c.json"#)
            let script = "trap 'exit 7' TERM HUP; while :; do sleep 0.1; done"
            let made = try await data.smartvm(
                "run", "-d", "--name", "bare", "--config", "\(data.path)/c.json", "--", "sh", "-c", script)
            try #require(made.status == 0, "\(made.standardError)")
            let id = made.standardOutput.trimmed
            let tap = try #require(try await data.info("bare")?.networks.first?.tapName)
            try await data.shell(
                "ip link del gone0; ip link del \(tap); rm run/\(id)/vsock.sock run/\(id)/api.sock run/\(id)/control.sock"
            )
            FaultCount.add(faults: 5)
            let now = try await data.info("bare")
            let isTold = now?.networkProblem?.contains("\(tap) is gone") == true
            check(now?.state == .running && isTold, "\(String(describing: now))")
            let failed = try await data.smartvm("exec", "bare", "true")
            check(failed.status == 1 && failed.standardError.contains("vsock.sock"), "\(failed)")
            let paused = try await data.smartvm("pause", "bare")
            check(paused.status != 0 && paused.standardError.contains("control.sock"), "\(paused)")
            let stopped = try await data.smartvm("stop", "bare")
            check(stopped.status == 0, "\(stopped)")
            let ended = try await data.info("bare")
            check(
                ended?.state == .exited && ended?.exitStatus == 7 && ended?.error == nil, "\(String(describing: ended))"
            )
            // The VMM makes a TAP that is not there, which lasts as long as it does.
            let started = try await data.smartvm("start", "bare")
            check(started.status == 0, "\(started)")
            let anew = try await data.info("bare")
            let reaches = try await data.smartvm("exec", "bare", "ping", "-c", "1", "-W", "5", "172.30.0.1")
            check(anew?.networkProblem == nil && reaches.status == 0, "\(reaches) \(String(describing: anew))")
            let removed = try await data.smartvm("rm", "-f", "bare")
            check(removed.status == 0, "\(removed)")
        }
    }

    @Test(
        "a supervisor, VMM or QEMU that hangs keeps nobody from seeing, stopping and starting",
        arguments: ["supervisor", "vmm", "qemu"])
    func hanging(victim: String) async throws {
        try await PrivateData.with { data in
            let made = try await data.smartvm("run", "-d", "--name", "hangs", "--disk", "16m")
            try #require(made.status == 0, "\(made.standardError)")
            let pid = try #require(data.pid(of: made.standardOutput.trimmed, victim))
            kill(pid, SIGSTOP)
            FaultCount.add()
            let list = try await data.info("hangs")
            check(list?.state == .running, "\(String(describing: list))")
            let renamed = try await data.smartvm("rename", "hangs", "other")
            check(renamed.status == 0, "\(renamed)")
            let start = ContinuousClock.now
            let stopped = try await data.smartvm("stop", "--time", "1", "other")
            check(stopped.status == 0 && ContinuousClock.now - start < .seconds(20), "\(stopped)")
            let ended = try await data.info("other")
            check(ended?.state == .exited && [137, 143].contains(ended?.exitStatus), "\(String(describing: ended))")
            let removed = try await data.smartvm("rm", "other")
            check(removed.status == 0, "\(removed)")
        }
    }
}

extension PrivateData {
    /// As ``SandboxTraces/pid(of:_:)``.
    func pid(of id: String, _ kind: String) -> Int32? {
        let names = ["supervisor": "smartvm-supervisor", "vmm": "/smartvm-qemu", "qemu": "qemu-system"]
        return ((try? FileTree.names(at: "/proc")) ?? []).compactMap { Int32($0) }.first { pid in
            let arguments = (try? File.readText("/proc/\(pid)/cmdline")) ?? ""
            let first = arguments.prefix { $0 != "\0" }
            guard let name = names[kind], first.contains(name) || name.contains(first) && !first.isEmpty else {
                return false
            }
            return arguments.contains(id) || (try? File.linkTarget("/proc/\(pid)/cwd"))?.contains(id) == true
        }
    }
}
