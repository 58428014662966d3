/// The answer of `GET /balloon/statistics`. What the guest does not report is nil.
public struct BalloonStatistics: WireModel {
    /// Target size in pages of 4 KiB.
    public var targetPages: UInt32
    /// Present size in pages of 4 KiB.
    public var actualPages: UInt32
    /// Target size in MiB.
    public var targetMib: UInt32
    /// Present size in MiB.
    public var actualMib: UInt32
    /// Bytes swapped in.
    public var swapIn: UInt64?
    /// Bytes swapped out.
    public var swapOut: UInt64?
    /// Major page faults.
    public var majorFaults: UInt64?
    /// Minor page faults.
    public var minorFaults: UInt64?
    /// Unused memory, in bytes.
    public var freeMemory: UInt64?
    /// All memory, in bytes.
    public var totalMemory: UInt64?
    /// An estimate of what new programs can have, in bytes.
    public var availableMemory: UInt64?
    /// What could be reclaimed without I/O, in bytes.
    public var diskCaches: UInt64?
    /// Successful allocations of huge pages.
    public var hugetlbAllocations: UInt64?
    /// Failed allocations of huge pages.
    public var hugetlbFailures: UInt64?
    /// Processes killed for want of memory.
    public var oomKill: UInt64?
    /// Allocations that had to reclaim first.
    public var allocStall: UInt64?
    /// Pages scanned in the background.
    public var asyncScan: UInt64?
    /// Pages scanned by an allocation.
    public var directScan: UInt64?
    /// Pages reclaimed in the background.
    public var asyncReclaim: UInt64?
    /// Pages reclaimed by an allocation.
    public var directReclaim: UInt64?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        targetPages: UInt32, actualPages: UInt32, targetMib: UInt32, actualMib: UInt32, swapIn: UInt64? = nil,
        swapOut: UInt64? = nil, majorFaults: UInt64? = nil, minorFaults: UInt64? = nil, freeMemory: UInt64? = nil,
        totalMemory: UInt64? = nil, availableMemory: UInt64? = nil, diskCaches: UInt64? = nil,
        hugetlbAllocations: UInt64? = nil, hugetlbFailures: UInt64? = nil, oomKill: UInt64? = nil,
        allocStall: UInt64? = nil, asyncScan: UInt64? = nil, directScan: UInt64? = nil, asyncReclaim: UInt64? = nil,
        directReclaim: UInt64? = nil
    ) {
        self.targetPages = targetPages
        self.actualPages = actualPages
        self.targetMib = targetMib
        self.actualMib = actualMib
        self.swapIn = swapIn
        self.swapOut = swapOut
        self.majorFaults = majorFaults
        self.minorFaults = minorFaults
        self.freeMemory = freeMemory
        self.totalMemory = totalMemory
        self.availableMemory = availableMemory
        self.diskCaches = diskCaches
        self.hugetlbAllocations = hugetlbAllocations
        self.hugetlbFailures = hugetlbFailures
        self.oomKill = oomKill
        self.allocStall = allocStall
        self.asyncScan = asyncScan
        self.directScan = directScan
        self.asyncReclaim = asyncReclaim
        self.directReclaim = directReclaim
    }

    /// What the guest reports, by the names on the wire.
    private static let reported:
        [(name: String, property: any WritableKeyPath<BalloonStatistics, UInt64?> & Sendable)] =
            [
                ("swap_in", \.swapIn),
                ("swap_out", \.swapOut),
                ("major_faults", \.majorFaults),
                ("minor_faults", \.minorFaults),
                ("free_memory", \.freeMemory),
                ("total_memory", \.totalMemory),
                ("available_memory", \.availableMemory),
                ("disk_caches", \.diskCaches),
                ("hugetlb_allocations", \.hugetlbAllocations),
                ("hugetlb_failures", \.hugetlbFailures),
                ("oom_kill", \.oomKill),
                ("alloc_stall", \.allocStall),
                ("async_scan", \.asyncScan),
                ("direct_scan", \.directScan),
                ("async_reclaim", \.asyncReclaim),
                ("direct_reclaim", \.directReclaim),
            ]

    /// Sets what the guest reports under that name; a name that is not known is passed over.
    public mutating func setReported(_ name: String, to value: UInt64) {
        guard let row = Self.reported.first(where: { $0.name == name }) else { return }
        self[keyPath: row.property] = value
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BalloonStats", initial: BalloonStatistics(targetPages: 0, actualPages: 0, targetMib: 0, actualMib: 0),
        [
            .required("target_pages", \.targetPages),
            .required("actual_pages", \.actualPages),
            .required("target_mib", \.targetMib),
            .required("actual_mib", \.actualMib),
        ] + reported.map { .optional($0.name, $0.property, isShownAsNull: false) })
}
