/// What the data directory takes on the disk.
public struct DiskUsage: Hashable, Sendable, Codable {
    /// What things are of.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// What VMs boot from.
        case images
        /// VMs that stay: their disks and logs.
        case vms
        /// File systems that outlive VMs.
        case volumes
        /// Releases of Firecracker that were fetched.
        case vmms
        /// What is made or fetched again when it is needed: unpacked kernels, parts of downloads.
        case caches
    }

    /// One thing.
    public struct Item: Hashable, Sendable, Codable {
        /// What it is of.
        public var kind: Kind
        /// Its name, or its path in the data directory.
        public var name: String
        /// A VM's id: its name may become another's.
        public var id: String?
        /// Whether it cannot be removed now: a VM that runs or is about to, an image or a volume that a VM is made with, a program that runs.
        public var isInUse: Bool
        /// The names of the VMs that use it.
        public var usedBy: [String]
        /// Bytes of its files, holes included.
        public var size: Int64
        /// Bytes that its files take on the disk.
        public var allocated: Int64
    }

    /// All things, those of one kind together.
    public var items: [Item]

    /// Those of one kind, in sum.
    public struct Sum: Hashable, Sendable, Codable {
        /// What was summed up.
        public var kind: Kind
        /// How many there are.
        public var count: Int
        /// How many of them are in use.
        public var inUse: Int
        /// Bytes of their files, holes included.
        public var size: Int64
        /// Bytes that their files take on the disk.
        public var allocated: Int64
        /// Of those, the bytes of what is not in use.
        public var reclaimable: Int64
    }

    /// The sums of all kinds.
    public var sums: [Sum] {
        Kind.allCases.map { kind in
            let items = items.filter { $0.kind == kind }
            return Sum(
                kind: kind, count: items.count, inUse: items.count { $0.isInUse },
                size: items.reduce(0) { $0 + $1.size }, allocated: items.reduce(0) { $0 + $1.allocated },
                reclaimable: items.reduce(0) { $0 + ($1.isInUse ? 0 : $1.allocated) })
        }
    }
}
