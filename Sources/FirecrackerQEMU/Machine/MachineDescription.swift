public import FirecrackerAPI

/// Everything that a machine is made of, as plain values: what ``QEMUMachine`` is given, and all that it is given.
///
/// Files, TAP interfaces and listening sockets are open descriptors. They belong to the caller, are only duplicated here, and must
/// stay open until ``QEMUMachine/init(_:options:)`` has returned: a start that failed can then be tried again with the same
/// description. They should be close-on-exec.
public struct MachineDescription: Sendable {
    /// Virtual CPUs, 1 to 32.
    public var cpuCount = 1
    /// Guest memory in MiB.
    public var memoryMiB = 128
    /// Whether only what changed can be saved, and not only all that was touched: see ``QEMUMachine/saveMemory(to:changesOnly:)``.
    public var tracksMemoryChanges = false
    /// An uncompressed ELF kernel, readable; nil for a machine that comes from a snapshot.
    public var kernel: Int32?
    /// An initial RAM disk, readable.
    public var initrd: Int32?
    /// The kernel's command line; nil stands for Firecracker's default.
    public var bootArguments: String?
    /// In the order of the guest's /dev/vda, /dev/vdb, …: a root drive stands first.
    public var drives: [BlockDevice] = []
    public var networkInterfaces: [NetworkDevice] = []
    /// In the order of the guest's /dev/pmem0, /dev/pmem1, …
    public var persistentMemory: [PersistentMemory] = []
    public var hotplugMemory: HotplugMemory?
    /// What the metadata service tells the guest, on the interfaces that have it.
    public var metadata = MetadataStore(sizeLimit: 0)
    public var vsock: Vsock?
    public var balloon: Balloon?
    public var entropy: Entropy?
    public var console = Console.standardStreams
    /// In bytes. What is over it is dropped.
    public var consoleLimiter: TokenBucket?

    /// What the machine goes on from instead of a boot.
    public var snapshot: Snapshot?

    /// A machine that boots.
    public init(kernel: Int32) {
        self.kernel = kernel
    }

    /// A machine that goes on where another one was saved, and must be described as that one was.
    public init(snapshot: Snapshot) {
        self.snapshot = snapshot
    }

    /// What ``QEMUMachine/saveState()`` and ``QEMUMachine/saveMemory(to:changesOnly:)`` have left of a machine.
    public struct Snapshot: Sendable {
        /// The file with all of the memory, that which can be plugged behind the other, open for reading and writing. It is mapped
        /// privately and never written.
        public var memory: Int32
        public var state: SavedState

        public init(memory: Int32, state: SavedState) {
            self.memory = memory
            self.state = state
        }
    }

    /// A machine without its memory.
    public struct SavedState: Hashable, Sendable {
        /// QEMU's own format.
        public var bytes: [UInt8]
        /// The QEMU that it comes from, and that alone can load it.
        public var qemuVersion: String
        /// What the guest was told of its time stamp counter, in kHz.
        public var timeStampCounter: Int
        /// When the guest was stopped, by the host's clock, in nanoseconds since 1970.
        public var stoppedAt: UInt64
        /// The vsock device's, if there is one.
        public var nextHostPort: UInt32?
        /// What was left in the rate limiters that this process applies, by the names of their devices.
        public var limiters: [String: LimiterLevels]

        public init(
            bytes: [UInt8], qemuVersion: String, timeStampCounter: Int, stoppedAt: UInt64, nextHostPort: UInt32? = nil,
            limiters: [String: LimiterLevels] = [:]
        ) {
            self.bytes = bytes
            self.qemuVersion = qemuVersion
            self.timeStampCounter = timeStampCounter
            self.stoppedAt = stoppedAt
            self.nextHostPort = nextHostPort
            self.limiters = limiters
        }
    }

    /// A block device on a file or a block device of the host.
    public struct BlockDevice: Sendable {
        /// Letters, digits and `_`.
        public var id: String
        /// Open for reading and, unless `isReadOnly`, for writing too.
        public var file: Int32
        public var isReadOnly: Bool
        /// Adds `root=… ro|rw` to the kernel's command line.
        public var isRoot: Bool
        /// With `isRoot`: the root is this partition instead of the whole drive.
        public var partitionUUID: String?
        /// Whether the guest is offered a flush, and a flush reaches the host's disk (cache type `Writeback`).
        public var isWriteback: Bool
        public var limiter = DriveLimiter()

        public init(
            id: String, file: Int32, isReadOnly: Bool = false, isRoot: Bool = false, partitionUUID: String? = nil,
            isWriteback: Bool = false
        ) {
            self.id = id
            self.file = file
            self.isReadOnly = isReadOnly
            self.isRoot = isRoot
            self.partitionUUID = partitionUUID
            self.isWriteback = isWriteback
        }
    }

    /// A network interface on a TAP device.
    public struct NetworkDevice: Sendable {
        public var id: String
        /// A TAP queue, attached with IFF_NO_PI and IFF_VNET_HDR.
        public var tap: Int32
        /// `xx:xx:xx:xx:xx:xx`; nil leaves the choice to QEMU.
        public var macAddress: String?
        public var mtu: UInt16?
        /// Where the metadata service answers on it; nil: nowhere.
        public var metadataAddress: String?
        /// Towards the guest.
        public var receiveLimiter: RateLimiter?
        /// From the guest.
        public var sendLimiter: RateLimiter?

        public init(id: String, tap: Int32, macAddress: String? = nil, mtu: UInt16? = nil) {
            self.id = id
            self.tap = tap
            self.macAddress = macAddress
            self.mtu = mtu
        }
    }

    /// A virtio-pmem device: a file that the guest maps as memory.
    public struct PersistentMemory: Sendable {
        /// Open for reading and, unless `isReadOnly`, for writing too.
        public var file: Int32
        /// The file's, in bytes: whole pages. The device is rounded up to 2 MiB, with memory that goes with the machine.
        public var size: UInt64
        /// What the guest writes has no effect then.
        public var isReadOnly: Bool
        /// Adds `root=/dev/pmem<n> ro|rw` to the kernel's command line.
        public var isRoot: Bool

        public init(file: Int32, size: UInt64, isReadOnly: Bool = false, isRoot: Bool = false) {
            self.file = file
            self.size = size
            self.isReadOnly = isReadOnly
            self.isRoot = isRoot
        }
    }

    /// A virtio-mem device: memory that the guest gets and gives back while it runs.
    public struct HotplugMemory: Hashable, Sendable {
        /// How much can be plugged, in MiB.
        public var sizeMiB: Int
        /// What is plugged at a time, in MiB; a power of two.
        public var blockMiB: Int

        public init(sizeMiB: Int, blockMiB: Int = 2) {
            self.sizeMiB = sizeMiB
            self.blockMiB = blockMiB
        }
    }

    /// The socket device, see ``VsockDevice``.
    public struct Vsock: Sendable {
        public var guestCID: UInt32
        /// The Unix socket of host-initiated connections, bound and listening. It is made non-blocking.
        public var listener: Int32
        /// Its path: the guest's connections to port P arrive at `<path>_P`.
        public var path: String

        public init(guestCID: UInt32, listener: Int32, path: String) {
            self.guestCID = guestCID
            self.listener = listener
            self.path = path
        }
    }

    public struct Balloon: Sendable {
        /// The memory that is taken from the guest, in MiB.
        public var targetMiB: Int
        public var deflatesOnOutOfMemory: Bool
        /// Seconds between two statistics; 0 for none.
        public var statisticsInterval: Int
        public var reportsFreePages: Bool

        public init(
            targetMiB: Int, deflatesOnOutOfMemory: Bool = false, statisticsInterval: Int = 0,
            reportsFreePages: Bool = false
        ) {
            self.targetMiB = targetMiB
            self.deflatesOnOutOfMemory = deflatesOnOutOfMemory
            self.statisticsInterval = statisticsInterval
            self.reportsFreePages = reportsFreePages
        }
    }

    /// A virtio-rng device, fed from the host's random numbers.
    public struct Entropy: Sendable {
        /// Applied by this process, see ``DeviceStreams``; nil is unlimited.
        public var limiter: RateLimiter?

        public init(limiter: RateLimiter? = nil) {
            self.limiter = limiter
        }
    }

    /// Where the guest's serial console is.
    public enum Console: Sendable {
        /// Standard input and output of this process; a terminal is made raw.
        case standardStreams
        /// Output only, to an open file.
        case file(Int32)
    }
}

/// Limits of a drive, as Firecracker's token buckets state them.
public struct DriveLimiter: Hashable, Sendable {
    /// Bytes.
    public var bandwidth: Bucket?
    /// Requests.
    public var operations: Bucket?

    public init(bandwidth: Bucket? = nil, operations: Bucket? = nil) {
        self.bandwidth = bandwidth
        self.operations = operations
    }

    /// `size` tokens come back in `refillMilliseconds`, and as many can be spent at once; before them, once, those of the burst.
    public struct Bucket: Hashable, Sendable {
        public var size: UInt64
        public var refillMilliseconds: UInt64
        public var oneTimeBurst: UInt64

        public init(size: UInt64, refillMilliseconds: UInt64, oneTimeBurst: UInt64 = 0) {
            self.size = size
            self.refillMilliseconds = refillMilliseconds
            self.oneTimeBurst = oneTimeBurst
        }
    }
}
