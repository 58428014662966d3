/// A whole microVM in one JSON file, as `firecracker --config-file` takes it. Other members are passed over.
public struct VMConfigFile: WireModel {
    public var balloon: BalloonConfig?
    public var drives: [Drive]
    public var bootSource: BootSource
    public var cpuConfig: CPUConfigSource?
    public var logger: LoggerConfig?
    public var machineConfig: MachineConfig?
    public var metrics: MetricsConfig?
    public var mmdsConfig: MMDSConfig?
    public var networkInterfaces: [NetworkInterface]
    public var vsock: VsockConfig?
    public var entropy: EntropyConfig?
    public var pmem: [Pmem]
    public var memoryHotplug: MemoryHotplugConfig?

    public init(bootSource: BootSource, drives: [Drive]) {
        self.bootSource = bootSource
        self.drives = drives
        networkInterfaces = []
        pmem = []
    }

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
    case path(String)
    case config(CPUConfig)

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
