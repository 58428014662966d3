public import FirecrackerAPI

/// What a VM is to be.
///
/// Give an image, or a kernel and drives of your own, or an image of which some parts are replaced. A configuration is a value: to
/// change it is to change a copy. It is written in JSON with the keys of its properties (``init(json:)``, `Codable`); ``validate()``
/// finds everything in it that cannot work, and the methods `to…Payload()` give what Firecracker's API takes.
///
///     let config = VMConfig(
///         bootSource: .init(kernelImagePath: "/srv/vmlinux", bootArgs: "console=ttyS0 reboot=k panic=1"),
///         machineConfig: .init(vcpuCount: 2, memSizeMib: 512),
///         drives: [.init(driveId: "rootfs", pathOnHost: "/srv/rootfs.ext4", isRootDevice: true)])
public struct VMConfig: Hashable, Sendable {
    /// Letters, digits and hyphens, at most 63: it is also the guest's host name unless that is set. Default: made up.
    public var id: String?
    /// A base image, which gives kernel, initramfs and root file system where they are not given here. Default: none; then
    /// a kernel is needed.
    public var image: String?
    /// Default: the image's.
    public var bootSource: BootSource?
    /// Default: one CPU and 256 MiB.
    public var machineConfig: MachineConfig
    /// Changes to what the guest sees of the CPU. Default: none.
    public var cpuConfig: CPUConfig?
    /// Block devices, in the order in which the guest sees them, but the root device first.
    public var drives: [Drive]
    /// Whether the devices are on a PCI bus, where they can be plugged and unplugged while the VM runs; since Firecracker 1.13.0.
    /// The guest's kernel needs virtio over PCI. Default: false.
    public var enablePCI: Bool
    /// Persistent memory devices.
    public var pmem: [Pmem]
    /// Network devices, in the order in which the guest sees them.
    public var networkInterfaces: [NetworkInterface]
    /// Default: one that SmartVM makes for the guest's agent.
    public var vsock: Vsock?
    /// Default: none.
    public var balloon: Balloon?
    /// Memory that can be plugged in while the VM runs. Default: none.
    public var memoryHotplug: MemoryHotplug?
    /// Default: one without a limit.
    public var entropy: Entropy?
    /// The metadata service. Default: none.
    public var mmds: MMDS?
    /// Default: the console is SmartVM's.
    public var serial: Serial?
    /// Default: no metrics are written.
    public var metrics: Metrics?
    /// Default: the VMM's log goes where its output goes.
    public var logger: Logger?
    /// The guest's host name, at most 64 bytes. Default: the id.
    public var hostname: String?

    /// Each argument is the property of its name.
    public init(
        id: String? = nil, image: String? = nil, bootSource: BootSource? = nil,
        machineConfig: MachineConfig = .init(), cpuConfig: CPUConfig? = nil, enablePCI: Bool = false,
        drives: [Drive] = [], pmem: [Pmem] = [], networkInterfaces: [NetworkInterface] = [], vsock: Vsock? = nil,
        balloon: Balloon? = nil,
        memoryHotplug: MemoryHotplug? = nil, entropy: Entropy? = nil, mmds: MMDS? = nil, serial: Serial? = nil,
        metrics: Metrics? = nil, logger: Logger? = nil, hostname: String? = nil
    ) {
        self.id = id
        self.image = image
        self.bootSource = bootSource
        self.machineConfig = machineConfig
        self.cpuConfig = cpuConfig
        self.enablePCI = enablePCI
        self.drives = drives
        self.pmem = pmem
        self.networkInterfaces = networkInterfaces
        self.vsock = vsock
        self.balloon = balloon
        self.memoryHotplug = memoryHotplug
        self.entropy = entropy
        self.mmds = mmds
        self.serial = serial
        self.metrics = metrics
        self.logger = logger
        self.hostname = hostname
    }
}

extension VMConfig: ConfigurationObject {
    static var initial: Self { Self(id: nil) }

    static let keys: [ConfigurationKey<VMConfig>] = [
        .optional("id", \.id),
        .optional("image", \.image),
        .optional("hostname", \.hostname),
        .optional("bootSource", \.bootSource),
        .value("machineConfig", \.machineConfig),
        .optional("cpuConfig", \.cpuConfig),
        .value("enablePCI", \.enablePCI, default: false, since: FirecrackerVersion(1, 13)),
        .value("drives", \.drives, default: []),
        .value("pmem", \.pmem, default: [], since: FirecrackerVersion(1, 14)),
        .value("networkInterfaces", \.networkInterfaces, default: []),
        .optional("vsock", \.vsock),
        .optional("balloon", \.balloon),
        .optional("memoryHotplug", \.memoryHotplug, since: FirecrackerVersion(1, 14)),
        .optional("entropy", \.entropy),
        .optional("mmds", \.mmds),
        .optional("serial", \.serial, since: FirecrackerVersion(1, 14)),
        .optional("metrics", \.metrics),
        .optional("logger", \.logger),
    ]
}
