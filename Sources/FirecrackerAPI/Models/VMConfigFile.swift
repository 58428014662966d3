/// A whole microVM in one JSON file, as `firecracker --config-file` takes it. Other members are passed over.
public struct VMConfigFile: WireModel {
    /// `balloon`. Default: none.
    public var balloon: BalloonConfig?
    /// `drives`.
    public var drives: [Drive]
    /// `boot-source`.
    public var bootSource: BootSource
    /// `cpu-config`. Default: none.
    public var cpuConfig: CPUConfigSource?
    /// `logger`. Default: as the command line says.
    public var logger: LoggerConfig?
    /// `machine-config`. Default: one vCPU, 128 MiB.
    public var machineConfig: MachineConfig?
    /// `metrics`. Default: none.
    public var metrics: MetricsConfig?
    /// `mmds-config`. Default: none.
    public var mmdsConfig: MMDSConfig?
    /// `network-interfaces`. Default: none.
    public var networkInterfaces: [NetworkInterface]
    /// `vsock`. Default: none.
    public var vsock: VsockConfig?
    /// `entropy`. Default: none.
    public var entropy: EntropyConfig?
    /// `pmem`. Default: none.
    public var pmem: [Pmem]
    /// `memory-hotplug`. Default: none.
    public var memoryHotplug: MemoryHotplugConfig?

    /// Each parameter sets the property of its name, which says what it means.
    public init(bootSource: BootSource, drives: [Drive]) {
        self.bootSource = bootSource
        self.drives = drives
        networkInterfaces = []
        pmem = []
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "VmmConfig", initial: VMConfigFile(bootSource: BootSource(kernelImagePath: ""), drives: []),
        ignoresUnknownFields: true,
        [
            .optional("balloon", \.balloon),
            .required("drives", \.drives),
            .required("boot-source", \.bootSource),
            .optional("cpu-config", \.cpuConfig),
            .optional("logger", \.logger),
            .optional("machine-config", \.machineConfig),
            .optional("metrics", \.metrics),
            .optional("mmds-config", \.mmdsConfig),
            .defaulted("network-interfaces", \.networkInterfaces),
            .optional("vsock", \.vsock),
            .optional("entropy", \.entropy),
            .defaulted("pmem", \.pmem),
            .optional("memory-hotplug", \.memoryHotplug),
        ])
}

/// A CPU configuration in a ``VMConfigFile``: in place, or in a file of its own.
public enum CPUConfigSource: WireValue, Hashable {
    /// A file with the JSON of a ``CPUConfig``.
    case path(String)
    /// The configuration itself.
    case config(CPUConfig)

    /// A text is a path.
    public static let codec = Codec<CPUConfigSource>(
        decode: { (reader) throws(JSONFault) in
            if try reader.startOfValue() == UInt8(ascii: "\"") { return .path(try reader.readString()) }
            // Which of the two it was meant to be is not known here, so the reason is lost.
            let value = try reader.readValue()
            do throws(JSONFault) {
                return .config(try CPUConfig(decoding: value.encoded))
            } catch {
                throw JSONFault("data did not match any variant of untagged enum CustomCpuTemplateOrPath")
            }
        },
        encode: { source, writer in
            switch source {
            case .path(let path): writer.string(path)
            case .config(let config): CPUConfig.codec.encode(config, &writer)
            }
        })
}
