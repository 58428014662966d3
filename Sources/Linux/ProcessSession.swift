internal import Glibc

/// A VMM and whatever it started: the processes of one session, which its leader's pid names.
///
/// A VMM may be one process (Firecracker) or several. The kernel ends the others when the leader goes; this waits until they have.
public enum ProcessSession {
    /// Ends the leader, politely for `grace`, then by force, and waits for all processes of its session to end. Blocks the thread.
    public static func kill(leader: ProcessIdentity, grace: Duration) {
        if let process = leader.open() {
            if grace > .zero {
                process.kill(SIGTERM)
                if process.waitForEnd(timeout: grace) { return }
            }
            process.kill(SIGKILL)
            _ = process.waitForEnd(timeout: .seconds(5))
        } else if File.exists("/proc/\(leader.pid)") || (try? ProcessIdentity.currentBootID()) != leader.bootID {
            // The pid is another process's now, so nothing of the old session is left.
            return
        }
        // The leader was killed and could not end its children itself.
        for pid in members(of: leader.pid) {
            guard let member = try? ChildProcess(adopting: pid), session(of: pid) == leader.pid else { continue }
            member.kill(SIGKILL)
            _ = member.waitForEnd(timeout: .seconds(5))
        }
    }

    /// The processes of sessions, by their leaders. One look at all processes of the host, however many sessions are asked for.
    public static func members(of leaders: Set<Int32>) -> [Int32: [Int32]] {
        var members: [Int32: [Int32]] = [:]
        for pid in ((try? FileTree.names(at: "/proc")) ?? []).compactMap({ Int32($0) }) {
            let leader = session(of: pid)
            if leaders.contains(leader) { members[leader, default: []].append(pid) }
        }
        return members
    }

    /// The processes whose session is `session`. The number cannot be used again for another session while one of them lives.
    private static func members(of session: Int32) -> [Int32] {
        ((try? FileTree.names(at: "/proc")) ?? []).compactMap { Int32($0) }.filter { self.session(of: $0) == session }
    }

    private static func session(of pid: Int32) -> Int32 {
        getsid(pid)
    }
}
