internal import GuestProtocol
internal import Linux

/// What the kernel counts, read from the texts of /proc.
enum KernelCounters {
    /// - Parameter mounts: Where else than at the root file systems of the host's are.
    static func report(mounts: [String]) -> UsageReport {
        var report = UsageReport()
        let read = { (name: String) in (try? File.readText("/proc/\(name)")) ?? "" }
        let memory = values(read("meminfo"))
        report.memoryTotal = (memory["MemTotal"] ?? 0) << 10
        report.memoryAvailable = (memory["MemAvailable"] ?? 0) << 10
        report.memoryCached = ((memory["Cached"] ?? 0) + (memory["Buffers"] ?? 0)) << 10
        let pages = values(read("vmstat"))
        let balloon = (pages["balloon_inflate"] ?? 0).subtractingReportingOverflow(pages["balloon_deflate"] ?? 0)
        report.memoryBalloon = balloon.overflow ? 0 : balloon.partialValue * 4096
        report.cpuMilliseconds = busyMilliseconds(read("stat"))
        report.load = thousandths(read("loadavg"))
        report.uptimeMilliseconds = thousandths(read("uptime"))
        report.processes = processes()
        report.mounts = (["/"] + mounts.filter { $0 != "/" }).compactMap { path in
            (try? FileSystemSpace(at: path)).map {
                UsageReport.Mount(
                    path: path, total: UInt64(clamping: $0.total), available: UInt64(clamping: $0.available))
            }
        }
        return report
    }

    /// The numbers of lines like `MemTotal:  246836 kB` and `balloon_inflate 7`, by their names.
    static func values(_ text: String) -> [String: UInt64] {
        var values: [String: UInt64] = [:]
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ":") })
            guard words.count > 1, let value = UInt64(Substring(words[1])) else { continue }
            values[String(Substring(words[0]))] = value
        }
        return values
    }

    /// The time of all CPUs but for idleness and waiting for disks, of the first line of /proc/stat, whose unit is 10 ms.
    static func busyMilliseconds(_ text: String) -> UInt64 {
        let line = text.prefix { $0 != "\n" }
        let times = line.split(separator: " ").dropFirst().map { UInt64($0) ?? 0 }
        // user, nice, system, idle, iowait, irq, softirq, steal; a guest's guests are in user already.
        return times.prefix(8).enumerated().filter { $0.offset != 3 && $0.offset != 4 }
            .reduce(0) { $0 &+ $1.element &* 10 }
    }

    /// The first number of a text, `0.25 0.10 …`, in thousandths.
    static func thousandths(_ text: String) -> UInt64 {
        let word = text.prefix { $0 != " " && $0 != "\n" }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? (parts[1] + "000").prefix(3) : "0"
        return (UInt64(parts.first ?? "") ?? 0) &* 1000 &+ (UInt64(fraction) ?? 0)
    }

    /// All but the kernel's threads, which are the children of the second process, and this one.
    private static func processes() -> UInt32 {
        let all = ((try? FileTree.names(at: "/proc")) ?? []).filter { UInt32($0) != nil }
        let threads: Int
        if let children = try? File.readText("/proc/2/task/2/children") {
            threads = children.split(separator: " ").count + 1
        } else {
            threads = all.filter { (try? File.read("/proc/\($0)/cmdline"))?.isEmpty ?? true }.count
        }
        return UInt32(clamping: max(0, all.count - threads - 1))
    }
}
