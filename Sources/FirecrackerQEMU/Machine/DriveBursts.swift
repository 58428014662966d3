internal import FirecrackerAPI

/// The one-time bursts of drives' rate limiters, which QEMU does not know.
///
/// While a burst lasts, QEMU's bucket is as large as the burst. Once the drive has moved as much, which its owner asks QEMU for from time to time, the bucket
/// that refills takes its place, full: so a guest gets both one after the other, as from Firecracker. Between the end of the burst and the next
/// question it goes on at the limiter's rate.
struct DriveBursts {
    struct Usage: Hashable {
        var bytes: UInt64 = 0
        var operations: UInt64 = 0
    }

    private struct Entry {
        /// With the bursts that are not spent.
        var limiter: DriveLimiter
        /// What the drive had moved when each burst began.
        var start: Usage
    }

    /// By the places of the drives.
    private var entries: [Int: Entry] = [:]

    /// Whether there is a burst that is not spent.
    var isEmpty: Bool { entries.isEmpty }

    /// Takes note of a drive's limiter.
    ///
    /// - Parameter fresh: Which of its buckets are new; the others' bursts go on.
    /// - Returns: What QEMU is to apply.
    mutating func begin(
        _ index: Int, _ limiter: DriveLimiter, fresh: (bandwidth: Bool, operations: Bool) = (true, true), usage: Usage
    ) -> DriveLimiter {
        let old = entries[index]
        var entry = Entry(limiter: limiter, start: usage)
        if !fresh.bandwidth {
            entry.limiter.bandwidth?.oneTimeBurst = old?.limiter.bandwidth?.oneTimeBurst ?? 0
            entry.start.bytes = old?.start.bytes ?? usage.bytes
        }
        if !fresh.operations {
            entry.limiter.operations?.oneTimeBurst = old?.limiter.operations?.oneTimeBurst ?? 0
            entry.start.operations = old?.start.operations ?? usage.operations
        }
        entries[index] = entry.limiter.hasBurst ? entry : nil
        return entry.limiter
    }

    /// Takes note of what drives have moved: the limiters that QEMU is to apply from now on.
    mutating func advance(_ usage: (Int) -> Usage?) -> [(index: Int, limiter: DriveLimiter)] {
        var changes: [(index: Int, limiter: DriveLimiter)] = []
        for (index, entry) in entries {
            guard let now = usage(index) else { continue }
            var limiter = entry.limiter
            if now.bytes &- entry.start.bytes >= limiter.bandwidth?.oneTimeBurst ?? 0 {
                limiter.bandwidth?.oneTimeBurst = 0
            }
            if now.operations &- entry.start.operations >= limiter.operations?.oneTimeBurst ?? 0 {
                limiter.operations?.oneTimeBurst = 0
            }
            guard limiter != entry.limiter else { continue }
            entries[index]?.limiter = limiter
            if !limiter.hasBurst { entries[index] = nil }
            changes.append((index, limiter))
        }
        return changes
    }

    /// How much of a drive's bursts is left.
    func left(_ index: Int, usage: Usage) -> Usage {
        guard let entry = entries[index] else { return Usage() }
        func rest(_ burst: UInt64?, _ used: UInt64) -> UInt64 { (burst ?? 0) - min(burst ?? 0, used) }
        return Usage(
            bytes: rest(entry.limiter.bandwidth?.oneTimeBurst, usage.bytes &- entry.start.bytes),
            operations: rest(entry.limiter.operations?.oneTimeBurst, usage.operations &- entry.start.operations))
    }
}

extension DriveLimiter {
    fileprivate var hasBurst: Bool { bandwidth?.oneTimeBurst ?? 0 > 0 || operations?.oneTimeBurst ?? 0 > 0 }
}
