/// Where and with what VMs are made. What is nil is decided as each field says.
public struct SmartVMOptions: Sendable {
    /// Images and the directories of running VMs. Default: see ``DataDirectory/init(_:)``.
    public var dataDir: String?
    /// The architecture of images and guests, as `uname -m` says it. Default: this machine's; guests of another one cannot be started.
    public var arch: String?
    /// The VMM: a program that takes Firecracker's command line. Default: ``vmm``.
    public var firecrackerBinaryPath: String?
    /// The release of Firecracker to use, such as `v1.16.1`, where ``firecrackerBinaryPath`` and ``vmm`` are not given; it is fetched
    /// when the first VM starts, unless it is there. Default: none in particular.
    public var firecrackerVersion: String?
    /// `firecracker`, `qemu`, or a path, where ``firecrackerBinaryPath`` is not given. Default: chosen by what this machine can do.
    public var vmm: String?
    /// Where base images are kept. Default: in the data directory.
    public var baseImageCacheDir: String?
    /// How many fetched base images are kept, at least 1. Default: 2.
    public var maxStoredBaseImages: Int
    /// The bridge that joins the guests. Default: see ``NetworkManagerOptions/bridgeName``.
    public var bridgeName: String?
    /// The guests' IPv4 network. Default: see ``NetworkManagerOptions/subnet``.
    public var subnet: String?
    /// Runs each VMM under Firecracker's jailer, in a jail of its own. Default: not jailed.
    public var jailer: JailerConfig?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        dataDir: String? = nil, arch: String? = nil, firecrackerBinaryPath: String? = nil,
        firecrackerVersion: String? = nil, vmm: String? = nil, baseImageCacheDir: String? = nil,
        maxStoredBaseImages: Int = 2, bridgeName: String? = nil, subnet: String? = nil, jailer: JailerConfig? = nil
    ) {
        self.dataDir = dataDir
        self.arch = arch
        self.firecrackerBinaryPath = firecrackerBinaryPath
        self.firecrackerVersion = firecrackerVersion
        self.vmm = vmm
        self.baseImageCacheDir = baseImageCacheDir
        self.maxStoredBaseImages = maxStoredBaseImages
        self.bridgeName = bridgeName
        self.subnet = subnet
        self.jailer = jailer
    }
}
