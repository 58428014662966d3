public import FirecrackerAPI

extension VMConfig {
    /// What is booted.
    public struct BootSource: Hashable, Sendable {
        /// A file on the host: an uncompressed ELF, or a bzImage, which is unpacked. Default: the image's; needed without an image.
        public var kernelImagePath: String?
        /// A file on the host. Default: the image's, which holds the agent; without an image none.
        public var initrdPath: String?
        /// The kernel's command line, at most 2047 bytes. Default: the image's; without an image `console=ttyS0 reboot=k panic=1`.
        public var bootArgs: String?

        /// Each argument is the property of its name.
        public init(kernelImagePath: String? = nil, initrdPath: String? = nil, bootArgs: String? = nil) {
            self.kernelImagePath = kernelImagePath
            self.initrdPath = initrdPath
            self.bootArgs = bootArgs
        }
    }

    /// CPUs and memory.
    public struct MachineConfig: Hashable, Sendable {
        /// 1 to 32. Default: 1.
        public var vcpuCount: Int
        /// MiB, at least 1; even if ``hugePages`` is 2 MiB. Default: 256.
        public var memSizeMib: Int
        /// Whether pairs of vCPUs are threads of one core (x86-64 only); then their number is 1 or even. Default: false.
        public var smt: Bool
        /// Whether writes to memory are tracked, for small diff snapshots. Default: false.
        public var trackDirtyPages: Bool
        /// What backs the memory; since Firecracker 1.7.0. Default: normal pages.
        public var hugePages: HugePages
        /// A CPU feature template of Firecracker's, which it has deprecated in favour of ``VMConfig/cpuConfig``. Default: none.
        public var cpuTemplate: CPUTemplate?

        /// Each argument is the property of its name.
        public init(
            vcpuCount: Int = 1, memSizeMib: Int = 256, smt: Bool = false, trackDirtyPages: Bool = false,
            hugePages: HugePages = .normal, cpuTemplate: CPUTemplate? = nil
        ) {
            self.vcpuCount = vcpuCount
            self.memSizeMib = memSizeMib
            self.smt = smt
            self.trackDirtyPages = trackDirtyPages
            self.hugePages = hugePages
            self.cpuTemplate = cpuTemplate
        }
    }

    /// A virtio-mem device: memory that can be plugged in while the VM runs. Since Firecracker 1.14.0.
    public struct MemoryHotplug: Hashable, Sendable {
        /// How much can be plugged in, in MiB; a multiple of the slot size.
        public var totalSizeMib: Int
        /// What is plugged at a time, in MiB; a power of two from 2. Default: 2.
        public var blockSizeMib: Int
        /// What the VMM protects at a time, in MiB; at least 128, a multiple of the block size. Default: 128.
        public var slotSizeMib: Int

        /// Each argument is the property of its name.
        public init(totalSizeMib: Int, blockSizeMib: Int = 2, slotSizeMib: Int = 128) {
            self.totalSizeMib = totalSizeMib
            self.blockSizeMib = blockSizeMib
            self.slotSizeMib = slotSizeMib
        }
    }

    /// A balloon: memory that the guest gives back to the host.
    public struct Balloon: Hashable, Sendable {
        /// Target size in MiB, at most the guest's memory.
        public var amountMib: Int
        /// Whether the guest may take memory back when it runs out. Default: false.
        public var deflateOnOom: Bool
        /// Seconds between statistics, at most 65535; 0: none. Default: 0.
        public var statsPollingIntervalS: Int
        /// Whether the guest can be asked for its free pages; since Firecracker 1.14.0. Default: false.
        public var freePageHinting: Bool
        /// Whether the guest reports free pages on its own; since Firecracker 1.14.0. Default: false.
        public var freePageReporting: Bool

        /// Each argument is the property of its name.
        public init(
            amountMib: Int, deflateOnOom: Bool = false, statsPollingIntervalS: Int = 0, freePageHinting: Bool = false,
            freePageReporting: Bool = false
        ) {
            self.amountMib = amountMib
            self.deflateOnOom = deflateOnOom
            self.statsPollingIntervalS = statsPollingIntervalS
            self.freePageHinting = freePageHinting
            self.freePageReporting = freePageReporting
        }
    }
}

extension VMConfig.BootSource: ConfigurationObject {
    static var initial: Self { Self(kernelImagePath: nil) }

    static let keys: [ConfigurationKey<Self>] = [
        .optional("kernelImagePath", \.kernelImagePath),
        .optional("initrdPath", \.initrdPath),
        .optional("bootArgs", \.bootArgs),
    ]
}

extension VMConfig.MachineConfig: ConfigurationObject {
    static var initial: Self { Self(vcpuCount: 1) }

    static let keys: [ConfigurationKey<Self>] = [
        .value("vcpuCount", \.vcpuCount),
        .value("memSizeMib", \.memSizeMib),
        .value("smt", \.smt, default: false),
        .value("trackDirtyPages", \.trackDirtyPages, default: false),
        .value("hugePages", \.hugePages, default: .normal, since: FirecrackerVersion(1, 7)),
        .optional("cpuTemplate", \.cpuTemplate),
    ]
}

extension VMConfig.MemoryHotplug: ConfigurationObject {
    static var initial: Self { Self(totalSizeMib: 0) }

    static let keys: [ConfigurationKey<Self>] = [
        .value("totalSizeMib", \.totalSizeMib),
        .value("blockSizeMib", \.blockSizeMib, default: 2),
        .value("slotSizeMib", \.slotSizeMib, default: 128),
    ]
}

extension VMConfig.Balloon: ConfigurationObject {
    static var initial: Self { Self(amountMib: 0) }

    static let keys: [ConfigurationKey<Self>] = [
        .value("amountMib", \.amountMib),
        .value("deflateOnOom", \.deflateOnOom),
        .value("statsPollingIntervalS", \.statsPollingIntervalS, default: 0),
        .value("freePageHinting", \.freePageHinting, default: false, since: FirecrackerVersion(1, 14)),
        .value("freePageReporting", \.freePageReporting, default: false, since: FirecrackerVersion(1, 14)),
    ]
}
