internal import FirecrackerAPI

/// What QEMU has counted of the drives, as increments.
struct DriveCounters {
    /// By the drive's place and the name of the metric: what QEMU said last.
    private var last: [Int: [String: UInt64]] = [:]

    /// Firecracker's names and what they are a sum of in QEMU's `query-blockstats`.
    private static let names: [(metric: String, sources: [String])] = [
        ("read_bytes", ["rd_bytes"]), ("write_bytes", ["wr_bytes"]), ("read_count", ["rd_operations"]),
        ("write_count", ["wr_operations"]), ("flush_count", ["flush_operations"]),
        ("execute_fails", ["failed_rd_operations", "failed_wr_operations", "failed_flush_operations"]),
        ("invalid_reqs_count", ["invalid_rd_operations", "invalid_wr_operations", "invalid_flush_operations"]),
    ]

    /// Nanoseconds in QEMU, microseconds in Firecracker.
    private static let times = [
        ("read_agg.sum_us", "rd_total_time_ns"), ("write_agg.sum_us", "wr_total_time_ns"),
    ]

    /// What a drive has moved; nil if QEMU does not know it.
    static func usage(ofDrive index: Int, in answer: JSONValue) -> DriveBursts.Usage? {
        guard case .array(let devices) = answer, let stats = stats(ofDrive: index, in: devices) else { return nil }
        func sum(_ names: String...) -> UInt64 { names.reduce(0) { $0 &+ (stats[$1]?.unsigned ?? 0) } }
        return DriveBursts.Usage(
            bytes: sum("rd_bytes", "wr_bytes"), operations: sum("rd_operations", "wr_operations"))
    }

    private static func stats(ofDrive index: Int, in devices: [JSONValue]) -> JSONValue? {
        // On a PCI bus the part that counts has no name of its own.
        let names = ["drive\(index)", "/machine/peripheral/drive\(index)/virtio-backend"]
        return devices.first { $0["qdev"]?.text.map(names.contains) == true }?["stats"]
    }

    /// The drive is gone.
    mutating func forget(_ index: Int) { last[index] = nil }

    /// What has come since the last call.
    ///
    /// - Parameter ids: The drives', by their places.
    mutating func take(from answer: JSONValue, ids: [Int: String]) -> [(group: String, name: String, value: UInt64)] {
        guard case .array(let devices) = answer else { return [] }
        var result: [(group: String, name: String, value: UInt64)] = []
        for (index, id) in ids {
            guard let stats = Self.stats(ofDrive: index, in: devices) else { continue }
            var now: [String: UInt64] = [:]
            for (metric, sources) in Self.names {
                now[metric] = sources.reduce(0) { $0 &+ (stats[$1]?.unsigned ?? 0) }
            }
            for (metric, source) in Self.times { now[metric] = (stats[source]?.unsigned ?? 0) / 1000 }
            for (metric, value) in now {
                let before = last[index]?[metric] ?? 0
                guard value > before else { continue }
                result.append(("block", metric, value - before))
                result.append(("block_\(id)", metric, value - before))
            }
            last[index] = now
        }
        return result
    }
}
