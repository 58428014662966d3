internal import FirecrackerAPI

extension QEMUMachine {
    /// What the balloon holds, and what the guest told of its memory.
    public struct BalloonStatistics: Hashable, Sendable {
        public var targetMiB: Int
        /// Bytes that the guest has given up.
        public var actualBytes: UInt64
        /// By Firecracker's names, for example `free_memory`; only those which the guest knows, none before its first report.
        public var reported: [String: UInt64] = [:]
    }

    private static let device = "/machine/peripheral/balloon0"

    /// QEMU's names of the statistics and Firecracker's.
    private static let names: [(qemu: String, firecracker: String)] = [
        ("stat-swap-in", "swap_in"), ("stat-swap-out", "swap_out"), ("stat-major-faults", "major_faults"),
        ("stat-minor-faults", "minor_faults"), ("stat-free-memory", "free_memory"),
        ("stat-total-memory", "total_memory"), ("stat-available-memory", "available_memory"),
        ("stat-disk-caches", "disk_caches"), ("stat-htlb-pgalloc", "hugetlb_allocations"),
        ("stat-htlb-pgfail", "hugetlb_failures"),
    ]

    /// For QEMU the ranges of memory devices are memory too.
    private var memoryBytes: UInt64 { memoryMap.size }

    func begin(_ balloon: MachineDescription.Balloon) throws(QMPError) {
        balloonTargetMiB = balloon.targetMiB
        // What comes from a snapshot knows it.
        if balloon.targetMiB > 0, description.snapshot == nil {
            try process.monitor.execute("balloon", .members(["value": .unsigned(memoryLeft(balloon.targetMiB))]))
        }
        if balloon.statisticsInterval > 0 {
            try process.monitor.execute("qom-set", Self.interval(balloon.statisticsInterval))
        }
    }

    /// Asks the guest to give up `targetMiB` in all, which must be less than its memory.
    public func setBalloonTarget(_ targetMiB: Int) throws(MachineFault) {
        guard description.balloon != nil else { throw Self.noDevice }
        guard targetMiB >= 0, targetMiB <= description.memoryMiB else {
            throw MachineFault("Balloon: Requested memory should be less than \(targetMiB)MiB")
        }
        try runCommand("balloon", .members(["value": .unsigned(memoryLeft(targetMiB))]))
        balloonTargetMiB = targetMiB
    }

    /// Seconds between two reports of the guest.
    public func setBalloonStatisticsInterval(_ seconds: Int) throws(MachineFault) {
        guard description.balloon != nil else { throw Self.noDevice }
        try runCommand("qom-set", Self.interval(seconds))
    }

    public func balloonStatistics() throws(MachineFault) -> BalloonStatistics {
        guard description.balloon != nil else { throw Self.noDevice }
        let left = try runCommand("query-balloon")["actual"]?.unsigned ?? memoryBytes
        var result = BalloonStatistics(
            targetMiB: balloonTargetMiB, actualBytes: memoryBytes - min(memoryBytes, left))
        let property = JSONValue.members([
            "path": .string(Self.device), "property": .string("guest-stats"),
        ])
        let stats = try runCommand("qom-get", property)["stats"] ?? .null
        for name in Self.names {
            // QEMU says -1 for what the guest has not told.
            if let value = stats[name.qemu]?.unsigned, value != .max { result.reported[name.firecracker] = value }
        }
        return result
    }

    /// QEMU's balloon is stated as the memory that the guest keeps, and cannot take all of it.
    private func memoryLeft(_ targetMiB: Int) -> UInt64 {
        max(1 << 20, memoryBytes - min(memoryBytes, UInt64(clamping: targetMiB) << 20))
    }

    private static func interval(_ seconds: Int) -> JSONValue {
        .members([
            "path": .string(device), "property": .string("guest-stats-polling-interval"),
            "value": .unsigned(UInt64(clamping: seconds)),
        ])
    }

    private static let noDevice = MachineFault("Failed perform action on device: Device not found")
}
