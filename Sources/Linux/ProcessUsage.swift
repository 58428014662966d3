internal import Glibc

/// What a process has used so far. A process that has ended meanwhile has used nothing.
public struct ProcessUsage: Hashable, Sendable {
    public var cpuSeconds: Double
    /// Its share of what it has in memory: a page that two processes have counts half for each. Where the kernel does not say that to this
    /// user, all that it has.
    public var memoryBytes: Int64
    /// From disks, and not from the page cache.
    public var readBytes: Int64
    public var writtenBytes: Int64

    public init(of pid: Int32) {
        let read = { (name: String) in (try? File.readText("/proc/\(pid)/\(name)")) ?? "" }
        let stat = read("stat")
        // The second field is the name in parentheses and may itself hold blanks and parentheses.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        let ticks = fields.count > 13 ? (Double(fields[12]) ?? 0) + (Double(fields[13]) ?? 0) : 0
        cpuSeconds = ticks / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        if let share = Self.number(in: read("smaps_rollup"), after: "Pss:") {
            memoryBytes = share << 10
        } else {
            let pages = read("statm").split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
            memoryBytes = pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
        }
        let counters = read("io")
        readBytes = Self.number(in: counters, after: "read_bytes:") ?? 0
        // What was written to files that were removed before it reached a disk never did.
        let cancelled = Self.number(in: counters, after: "cancelled_write_bytes:") ?? 0
        writtenBytes = max(0, (Self.number(in: counters, after: "write_bytes:") ?? 0) - cancelled)
    }

    /// The number of the line that begins with `name`.
    private static func number(in text: String, after name: String) -> Int64? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split(separator: " ").first.flatMap { Int64($0) }
        }
        return nil
    }
}
