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
    /// Whether the devices are on a PCI bus, where they can be unplugged, instead of in virtio-mmio's places.
    public var isPCI = false
    /// Whether the memory is of huge pages of 2 MiB.
    public var usesHugePages = false
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
    /// What the metadata service tells the guest, on the interfaces that have it.
    public var metadata = MetadataStore(sizeLimit: 0)
    public var vsock: Vsock?
    public var balloon: Balloon?
    public var entropy: Entropy?
    public var console = Console.standardStreams

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
        /// The file with all of the memory, open for reading and writing. It is mapped privately and never written.
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

        public init(
            bytes: [UInt8], qemuVersion: String, timeStampCounter: Int, stoppedAt: UInt64, nextHostPort: UInt32? = nil
        ) {
            self.bytes = bytes
            self.qemuVersion = qemuVersion
            self.timeStampCounter = timeStampCounter
            self.stoppedAt = stoppedAt
            self.nextHostPort = nextHostPort
        }
    }

    /// A block device on a file or a block device of the host, or one that another process serves.
    public struct BlockDevice: Sendable {
        /// A number that no other device of the machine has; on a PCI bus the slot, or 0 for a drive that cannot be unplugged.
        public var place = 0
        /// Letters, digits and `_`.
        public var id: String
        /// Open for reading and, unless `isReadOnly`, for writing too; or a connection to a vhost-user server.
        public var file: Int32
        /// Whether `file` is such a connection. Only `id`, `place`, `isRoot` and `partitionUUID` count then.
        public var isVhostUser = false
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
        /// A number that no other device of the machine has; on a PCI bus the slot.
        public var place = 0
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

        /// Whether its frames pass through this process. It stays so for the life of the machine.
        public var isRelayed: Bool { metadataAddress != nil || receiveLimiter != nil || sendLimiter != nil }

        public init(id: String, tap: Int32, macAddress: String? = nil, mtu: UInt16? = nil) {
            self.id = id
            self.tap = tap
            self.macAddress = macAddress
            self.mtu = mtu
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

    /// A virtio-rng device, fed from the host's getrandom(2).
    public struct Entropy: Sendable {
        /// Bytes in a period of `milliseconds`; nil is unlimited.
        public var limit: (bytes: UInt64, milliseconds: UInt64)?

        public init(limit: (bytes: UInt64, milliseconds: UInt64)? = nil) {
            self.limit = limit
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

    /// `size` tokens come back in `refillMilliseconds`, and as many can be spent at once.
    public struct Bucket: Hashable, Sendable {
        public var size: UInt64
        public var refillMilliseconds: UInt64

        public init(size: UInt64, refillMilliseconds: UInt64) {
            self.size = size
            self.refillMilliseconds = refillMilliseconds
        }
    }
}
