internal import Glibc

/// Which process is meant, for longer than its pid is its own: pids are used again, but not with the same start time in the same
/// boot of the machine.
public struct ProcessIdentity: Hashable, Sendable {
    public var pid: Int32
    /// Clock ticks since boot, field 22 of /proc/PID/stat.
    public var startTime: UInt64
    /// /proc/sys/kernel/random/boot_id.
    public var bootID: String

    public init(pid: Int32, startTime: UInt64, bootID: String) {
        self.pid = pid
        self.startTime = startTime
        self.bootID = bootID
    }

    /// The process that has this pid now. Throws `noSuchProcess` or `noSuchFile` if there is none.
    public init(of pid: Int32) throws(Errno) {
        let stat = try File.readText("/proc/\(pid)/stat")
        // The second field is the name in parentheses and may itself hold blanks and parentheses.
        guard let end = stat.lastIndex(of: ")") else { throw .inputOutput }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let startTime = UInt64(fields[19]) else { throw .inputOutput }
        self.init(pid: pid, startTime: startTime, bootID: try Self.currentBootID())
    }

    /// The identifier of this boot of the machine.
    public static func currentBootID() throws(Errno) -> String {
        String(try File.readText("/proc/sys/kernel/random/boot_id").prefix { $0 != "\n" })
    }

    /// A line that is written down for other processes: pid, start time, boot.
    public var line: String { "\(pid) \(startTime) \(bootID)\n" }

    /// Reads such a line; nil if it is none.
    public init?(line: String) {
        let fields = line.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard fields.count == 3, let pid = Int32(fields[0]), let startTime = UInt64(fields[1]) else { return nil }
        self.init(pid: pid, startTime: startTime, bootID: String(fields[2]))
    }

    /// The process itself, held by pidfd, if it still runs.
    public func open() -> ChildProcess? {
        guard let process = try? ChildProcess(adopting: pid), let now = try? ProcessIdentity(of: pid), now == self,
            process.isRunning
        else { return nil }
        return process
    }
}
