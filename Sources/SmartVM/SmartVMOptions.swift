/// Where and with what VMs are made. What is nil is decided as each field says.
public struct SmartVMOptions: Sendable {
    /// Images and the directories of running VMs. Default: see ``DataDirectory/init(_:)``.
    public var dataDir: String?
    /// The architecture of images and guests, as `uname -m` says it. Default: this machine's; guests of another one cannot be started.
    public var arch: String?
    /// The VMM: a program that takes Firecracker's command line. Default: ``vmm``.
    public var firecrackerBinaryPath: String?
    /// `firecracker`, `qemu`, or a path, where ``firecrackerBinaryPath`` is not given. Default: chosen by what this machine can do.
    public var vmm: String?
    /// The bridge that joins the guests. Default: see ``NetworkManagerOptions/bridgeName``.
    public var bridgeName: String?
    /// The guests' IPv4 network. Default: see ``NetworkManagerOptions/subnet``.
    public var subnet: String?
    /// Runs each VMM under Firecracker's jailer, in a jail of its own. Default: not jailed.
    public var jailer: JailerConfig?

    public init(
        dataDir: String? = nil, arch: String? = nil, firecrackerBinaryPath: String? = nil, vmm: String? = nil,
        bridgeName: String? = nil, subnet: String? = nil, jailer: JailerConfig? = nil
    ) {
        self.dataDir = dataDir
        self.arch = arch
        self.firecrackerBinaryPath = firecrackerBinaryPath
        self.vmm = vmm
        self.bridgeName = bridgeName
        self.subnet = subnet
        self.jailer = jailer
    }
}
