import Glibc
import Linux
import Testing

@testable import SmartVM

/// The disk is full, and the database is lost.
@Suite(
    "VMs that stay, when the disk is full or files are lost", BootCapability.trait, .serialized,
    .timeLimit(.minutes(10)))
struct SandboxDiskFaultTests {
    private func check(_ isTrue: Bool, _ what: String) {
        #expect(isTrue, "\(what)")
        FaultCount.add(faults: 0, lies: isTrue ? [] : [what])
    }

    @Test("on a full disk VMs are seen, used, stopped and removed, ends are told, and nothing new is left half made")
    func fullDisk() async throws {
        try await PrivateData.with(megabytes: 40) { data in
            let other = try await data.smartvm("create", "--name", "other", "--disk", "16m")
            try #require(other.status == 0, "\(other.standardError)")
            let idle = try await data.smartvm("create", "--name", "idle")
            #expect(idle.status == 0)
            let script = "trap 'exit 7' TERM HUP; while :; do printf '%03000d\\n' 1; sleep 0.05; done"
            let made = try await data.smartvm("run", "-d", "--name", "full", "--", "sh", "-c", script)
            try #require(made.status == 0, "\(made.standardError)")
            // To the last byte; what makes room is not to be guessed.
            let filled = try await data.shell("cat /dev/zero > fill; cat /dev/zero > fill2; df . | tail -1")
            #expect(filled.standardOutput.contains("100%"), "\(filled)")
            FaultCount.add()
            try await Task.sleep(for: .seconds(1))

            let list = try await data.smartvm("ps")
            check(list.status == 0 && list.standardOutput.contains("running"), "ps: \(list)")
            let ran = try await data.smartvm("exec", "full", "echo", "hello")
            check(ran.standardOutput == "hello\n", "exec: \(ran)")
            let new = try await data.smartvm("create", "--name", "new", "--disk", "64m")
            check(new.status == 125 && new.standardError.contains("No space"), "create: \(new)")
            let started = try await data.smartvm("start", "idle")
            check(started.status == 125 && started.standardError.contains("No space"), "start: \(started)")
            let stopped = try await data.smartvm("stop", "full")
            check(stopped.status == 0, "stop: \(stopped)")
            let now = try await data.info("full")
            check(now?.state == .exited && now?.exitStatus == 7 && now?.error == nil, "\(String(describing: now))")
            let untouched = try await data.info("idle")
            check(untouched?.state == .created, "\(String(describing: untouched))")
            let missing = try await data.info("new")
            check(missing == nil, "\(String(describing: missing))")
            let removed = try await data.smartvm("rm", "other")
            check(removed.status == 0, "rm: \(removed)")

            // There is room again.
            try await data.shell("rm fill fill2")
            let again = try await data.smartvm("start", "full")
            check(again.status == 0, "start: \(again)")
            // Its end was at the end of what the log lacks: the next life says so.
            let isSaid = try await eventuallyAsync(seconds: 20) {
                try await data.smartvm("logs", "full").standardError.contains("bytes of this log are missing here")
            }
            check(isSaid, "the log lacks something and does not say it")
            let all = try await data.smartvm("rm", "-f", "full", "idle")
            check(all.status == 0, "rm: \(all)")
        }
    }

    @Test("the log of a command says where the disk was full")
    func logGap() async throws {
        try await PrivateData.with(megabytes: 40) { data in
            let script = "while :; do printf '%03000d\\n' 1; sleep 0.05; done"
            let made = try await data.smartvm("run", "-d", "--name", "gap", "--", "sh", "-c", script)
            try #require(made.status == 0, "\(made.standardError)")
            try await data.shell("cat /dev/zero > fill; cat /dev/zero > fill2; sleep 1; rm fill fill2; sleep 0.5")
            FaultCount.add()
            let logs = try await data.smartvm("logs", "gap")
            check(logs.standardError.contains("bytes of this log are missing here"), "logs: \(logs.standardError)")
            let removed = try await data.smartvm("rm", "-f", "gap")
            check(removed.status == 0, "\(removed)")
        }
    }

    @Test(
        "a database that is lost, while VMs run, is filled again from their directories; no VM is hidden and no disk is lost"
    )
    func lostDatabase() async throws {
        try await PrivateData.with { data in
            let made = try await data.smartvm(
                "run", "-d", "--name", "runs", "--disk", "32m", "--publish", "127.0.0.1::80", "--egress", "deny",
                "--egress-rule", "allow:*.example:80/tcp")
            try #require(made.status == 0, "\(made.standardError)")
            let idle = try await data.smartvm("create", "--name", "idle", "--disk", "16m")
            let written = try await data.smartvm("exec", "runs", "sh", "-c", "echo kept > /root/file; sync")
            #expect(written.status == 0 && idle.status == 0)
            let before = try await data.info("runs")

            // Its journal: what it had not yet been given is lost, and nothing else.
            try await data.shell("rm -f smartvm.db-wal smartvm.db-shm")
            FaultCount.add()
            let same = try await data.info("runs")
            check(same == before && before?.state == .running, "\(String(describing: same))")

            try await data.shell("rm -f smartvm.db*")
            FaultCount.add()
            let list = try await data.smartvm("ps", "-a")
            check(list.status == 0 && list.standardError.contains("2 VMs"), "ps: \(list)")
            // Another's network comes and goes beside that of the VM which is not known.
            let rules = try await data.rules()
            let next = try await data.smartvm("run", "-d", "--name", "next")
            let beside = try await data.info("next")
            check(
                next.status == 0 && beside?.networks.first?.address != before?.networks.first?.address,
                "\(next) \(String(describing: beside))")
            let gone = try await data.smartvm("rm", "-f", "next")
            check(gone.status == 0, "\(gone)")
            let same2 = try await data.rules()
            check(same2 == rules && rules.contains("vm-\(before?.networks.first?.address ?? "?")"), "\(same2)")
            let done = try await data.smartvm("system", "reconcile")
            check(done.status == 0 && done.standardOutput.contains("runs: taken in again, it runs"), "\(done)")
            let after = try await data.info("runs")
            check(after == before, "\(String(describing: after))")
            let kept = try await data.smartvm("exec", "runs", "cat", "/root/file")
            check(kept.standardOutput == "kept\n", "\(kept)")
            let reaches = try await data.smartvm("exec", "runs", "ping", "-c", "1", "-W", "5", "172.30.0.1")
            check(reaches.status == 0 && after?.networks.count == 1 && after?.ports.count == 1, "\(reaches)")

            // Lost together with the supervisor.
            try await data.shell("rm -f smartvm.db*")
            if let pid = after?.supervisorPid { kill(Int32(pid), SIGKILL) }
            FaultCount.add(faults: 2)
            _ = try await data.smartvm("system", "reconcile")
            let dead = try await data.info("runs")
            check(dead?.state == .exited && dead?.error == "Its supervisor was killed.", "\(String(describing: dead))")
            let other = try await data.info("idle")
            check(other?.state == .created, "\(String(describing: other))")
            let left = try await data.rules()
            check(left == "", "\(left)")

            // The host was restarted: another boot, and what has the pid is somebody else.
            _ = try await data.smartvm("start", "runs")
            let again = try await data.info("runs")
            if let pid = again?.supervisorPid { kill(Int32(pid), SIGKILL) }
            _ = try await eventually(seconds: 10) { SandboxTraces.pid(of: again?.id ?? "", "supervisor") == nil }
            let identity = try ProcessIdentity(of: getpid())
            let update = #"""
                import sqlite3, sys
                database = sqlite3.connect("smartvm.db")
                database.execute("UPDATE vm SET ownerPID = ?, ownerStart = ?, ownerBootID = 'another' WHERE phase = 'active'", sys.argv[1:])
                database.commit()
                """#
            try File.write(Array(update.utf8), to: "\(data.outside)/update.py")
            let updated = try await data.shell("python3 update.py \(identity.pid) \(identity.startTime)")
            #expect(updated.status == 0, "\(updated)")
            try await data.shell("rm -rf run")
            FaultCount.add()
            let rebooted = try await data.info("runs")
            check(rebooted?.error == "The host was restarted while it ran.", "\(String(describing: rebooted))")
            let started = try await data.smartvm("start", "runs")
            check(started.status == 0, "\(started)")
            let still = try await data.smartvm("exec", "runs", "cat", "/root/file")
            check(still.standardOutput == "kept\n", "\(still)")
            let removed = try await data.smartvm("rm", "-f", "runs", "idle")
            check(removed.status == 0, "\(removed)")
        }
    }
}
