internal import FirecrackerAPI

// What is known of a machine's devices beyond their configuration: what they have counted, and what is left in their limiters.

extension QEMUMachine {
    /// There is no device at the boot timer's address, so QEMU can be made to complain of every write.
    func watchBootTimer() throws(QMPError) {
        // Later releases have moved these complaints to a class of their own; those that do not know it ignore the second command.
        for classes in ["guest_errors", "guest_errors,invalid_mem"] {
            try process.monitor.execute("human-monitor-command", .members(["command-line": .string("log \(classes)")]))
        }
    }

    /// How often the guest has written a byte to the boot timer since the last call.
    func takeBootSignals() -> Int { process.takeBootSignals() }

    /// What is left in the rate limiters, by the names of their devices.
    func limiterLevels() throws(MachineFault) -> [String: LimiterLevels] {
        try [burstLevels(), streams?.levels ?? [:], network?.levels ?? [:]]
            .reduce(into: [:]) { all, levels in all.merge(levels) { first, _ in first } }
    }

    /// What QEMU has counted of its drives; nil if it has ended or hangs, which must not hold up this process's end.
    var blockStatistics: JSONValue? {
        ending == nil ? try? process.monitor.execute("query-blockstats", timeout: .seconds(1)) : nil
    }

    /// What the devices have counted since the last call, by the names of Firecracker's metrics.
    func takeCounters() -> [(group: String, name: String, value: UInt64)] {
        var counters = (network?.takeCounters() ?? []) + (vsock?.takeCounts() ?? []) + (streams?.takeCounters() ?? [])
        if let answer = blockStatistics {
            counters += driveCounters.take(from: answer, ids: description.drives.map(\.id))
        }
        return counters
    }
}
