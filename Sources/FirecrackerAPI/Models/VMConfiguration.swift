/// The answer of `GET /vm/config`: all that was set. Logger, metrics and CPU configuration are never shown.
public struct VMConfiguration: WireModel {
    /// The balloon device.
    public var balloon: BalloonConfig?
    /// The root drive first.
    public var drives: [Drive]
    /// What is booted.
    public var bootSource: BootSource
    /// Always nil.
    public var cpuConfig: JSONValue?
    /// Always nil.
    public var logger: LoggerConfig?
    /// CPUs and memory.
    public var machineConfig: MachineConfig
    /// Always nil.
    public var metrics: MetricsConfig?
    /// The metadata service.
    public var mmdsConfig: MMDSConfig?
    /// The network devices.
    public var networkInterfaces: [NetworkInterface]
    /// The vsock device.
    public var vsock: VsockConfig?
    /// The entropy device.
    public var entropy: EntropyConfig?
    /// The pmem devices.
    public var pmem: [Pmem]
    /// The virtio-mem device.
    public var memoryHotplug: MemoryHotplugConfig?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        balloon: BalloonConfig? = nil, drives: [Drive] = [],
        bootSource: BootSource = BootSource(kernelImagePath: ""), cpuConfig: JSONValue? = nil,
        logger: LoggerConfig? = nil, machineConfig: MachineConfig = MachineConfig(vcpuCount: 1, memSizeMib: 128),
        metrics: MetricsConfig? = nil, mmdsConfig: MMDSConfig? = nil, networkInterfaces: [NetworkInterface] = [],
        vsock: VsockConfig? = nil, entropy: EntropyConfig? = nil, pmem: [Pmem] = [],
        memoryHotplug: MemoryHotplugConfig? = nil
    ) {
        self.balloon = balloon
        self.drives = drives
        self.bootSource = bootSource
        self.cpuConfig = cpuConfig
        self.logger = logger
        self.machineConfig = machineConfig
        self.metrics = metrics
        self.mmdsConfig = mmdsConfig
        self.networkInterfaces = networkInterfaces
        self.vsock = vsock
        self.entropy = entropy
        self.pmem = pmem
        self.memoryHotplug = memoryHotplug
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "VmmConfig", initial: VMConfiguration(),
        [
            .optional("balloon", \.balloon),
            .defaulted("drives", \.drives),
            .defaulted("boot-source", \.bootSource),
            .optional("cpu-config", \.cpuConfig),
            .optional("logger", \.logger),
            .defaulted("machine-config", \.machineConfig),
            .optional("metrics", \.metrics),
            .optional("mmds-config", \.mmdsConfig),
            .defaulted("network-interfaces", \.networkInterfaces),
            .optional("vsock", \.vsock),
            .optional("entropy", \.entropy),
            .defaulted("pmem", \.pmem),
            .optional("memory-hotplug", \.memoryHotplug),
        ])
}
