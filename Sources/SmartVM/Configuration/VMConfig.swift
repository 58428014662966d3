/// What a VM is to be.
///
/// Give an image, or a kernel and drives of your own, or an image of which some parts are replaced.
public struct VMConfig: Hashable, Sendable {
    /// Letters, digits and hyphens, at most 63: it is also the guest's host name unless that is set. Default: made up.
    public var id: String?
    /// A base image. Default, where no kernel is given: `minimal`.
    public var image: String?
    public var bootSource: BootSource
    public var machineConfig: MachineConfig
    /// Block devices, the root device first if there is one.
    public var drives: [Drive]
    /// Default: the id.
    public var hostname: String?

    public struct BootSource: Hashable, Sendable {
        /// An uncompressed ELF. Default: the image's.
        public var kernelImagePath: String?
        /// Default: the image's, which holds the agent.
        public var initrdPath: String?
        /// The kernel's command line. Default: the image's.
        public var bootArgs: String?

        public init(kernelImagePath: String? = nil, initrdPath: String? = nil, bootArgs: String? = nil) {
            self.kernelImagePath = kernelImagePath
            self.initrdPath = initrdPath
            self.bootArgs = bootArgs
        }
    }

    public struct MachineConfig: Hashable, Sendable {
        /// 1 to 32. Default: 1.
        public var vcpuCount: Int
        /// MiB. Default: 256.
        public var memSizeMib: Int

        public init(vcpuCount: Int = 1, memSizeMib: Int = 256) {
            self.vcpuCount = vcpuCount
            self.memSizeMib = memSizeMib
        }
    }

    public struct Drive: Hashable, Sendable {
        public var driveId: String
        /// A file or block device.
        public var pathOnHost: String
        public var isRootDevice: Bool
        /// Default: true.
        public var isReadOnly: Bool

        public init(driveId: String, pathOnHost: String, isRootDevice: Bool = false, isReadOnly: Bool = true) {
            self.driveId = driveId
            self.pathOnHost = pathOnHost
            self.isRootDevice = isRootDevice
            self.isReadOnly = isReadOnly
        }
    }

    public init(
        id: String? = nil, image: String? = nil, bootSource: BootSource = .init(),
        machineConfig: MachineConfig = .init(),
        drives: [Drive] = [], hostname: String? = nil
    ) {
        self.id = id
        self.image = image
        self.bootSource = bootSource
        self.machineConfig = machineConfig
        self.drives = drives
        self.hostname = hostname
    }
}
