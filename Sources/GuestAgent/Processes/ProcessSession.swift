internal import Glibc
internal import Linux

/// The processes that a command has started and that have not left its session: setsid(2).
enum ProcessSession {
    /// Kills all of them. The leader must not have been reaped: else its number may be another's.
    static func kill(leader: Int32) {
        Glibc.kill(-leader, SIGKILL)
        // A shell puts each job into a process group of its own; they are found by their session.
        guard let directory = try? FileTree.openDirectory("/proc"), let names = try? FileTree.names(in: directory)
        else {
            return
        }
        for name in names {
            if let pid = Int32(name), pid > 1, getsid(pid) == leader { Glibc.kill(pid, SIGKILL) }
        }
    }
}
