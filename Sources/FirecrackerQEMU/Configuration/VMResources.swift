public import FirecrackerAPI

/// Everything that a microVM is configured with before it starts, together with what was opened for it.
///
/// Theory of operation. Each `set…` is one PUT or PATCH: it accepts or refuses as Firecracker does, with Firecracker's
/// words, and a refusal leaves what was there before (but for the vsock device and a network interface that is put
/// again, which Firecracker gives up before it looks at the new one). What Firecracker opens at that moment is opened
/// here too and held to the end: kernel and initrd, drives, TAPs, the vsock socket. The rest is looked at when the VM
/// starts. A running VM's own record of its devices starts as a copy of this.
public struct VMResources: Sendable {
    /// A kernel to boot, with its files held open.
    public struct BootFiles: Sendable {
        public var kernel: SharedDescriptor
        public var initrd: SharedDescriptor?
    }

    /// A drive and its open file, or its connection to the process that serves it.
    public struct Block: Sendable {
        public var config: Drive
        public var file: SharedDescriptor
    }

    /// A network interface and its TAP, which only one process can hold.
    public struct Interface: Sendable {
        public var config: NetworkInterface
        public var tap: SharedDescriptor
        /// The metadata service's address on this interface, if it answers here.
        public var metadataAddress: String?
    }

    /// The vsock device and the listening socket that stands for the guest.
    public struct Vsock: Sendable {
        public var config: VsockConfig
        public var listener: SharedDescriptor
    }

    /// As given; empty until then.
    public internal(set) var bootSource = BootSource(kernelImagePath: "")
    /// Nil until a boot source was accepted.
    public internal(set) var bootFiles: BootFiles?
    public internal(set) var machineConfig = MachineConfig(vcpuCount: 1, memSizeMib: 128)
    public internal(set) var cpuConfig: CPUConfig?
    /// The root drive first, the others in the order of their first PUT.
    public internal(set) var drives: [Block] = []
    public internal(set) var interfaces: [Interface] = []
    public internal(set) var pmem: [Pmem] = []
    public internal(set) var vsock: Vsock?
    public internal(set) var balloon: BalloonConfig?
    public internal(set) var entropy: EntropyConfig?
    public internal(set) var serial = SerialConfig()
    public internal(set) var memoryHotplug: MemoryHotplugConfig?
    public internal(set) var metadata: MetadataStore
    /// Whether `--enable-pci` was given, or had been given when a snapshot was made.
    public internal(set) var isPCIEnabled: Bool
    /// Empty until the start, and without PCI.
    var slots = PCISlots()

    let host: any Host

    public init(metadataSizeLimit: Int = 51200, isPCIEnabled: Bool = false, host: any Host = LocalHost()) {
        metadata = MetadataStore(sizeLimit: metadataSizeLimit)
        self.isPCIEnabled = isPCIEnabled
        self.host = host
    }
}

extension VMResources {
    /// The metadata service's configuration, if an interface has it.
    public var metadataConfig: MMDSConfig? {
        let served = interfaces.filter { $0.metadataAddress != nil }
        guard let address = served.first?.metadataAddress else { return nil }
        return MMDSConfig(
            networkInterfaces: served.map(\.config.ifaceId), version: metadata.version, ipv4Address: address,
            imdsCompat: metadata.isIMDSCompatible)
    }

    /// What `GET /vm/config` shows.
    public var configuration: VMConfiguration {
        VMConfiguration(
            balloon: balloon, drives: drives.map(\.config), bootSource: bootSource, machineConfig: machineConfig,
            mmdsConfig: metadataConfig, networkInterfaces: interfaces.map(\.config), vsock: vsock?.config,
            entropy: entropy, pmem: pmem, memoryHotplug: memoryHotplug)
    }
}
