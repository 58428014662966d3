public import FirecrackerAPI
internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// A configuration as `firecracker --config-file` takes it.
public struct FirecrackerFile: Hashable, Sendable {
    /// What the file holds.
    public var config: VMConfigFile
    /// What of the configuration the file cannot hold, and where it goes instead; a sentence each.
    public var notes: [String]

    /// Makes it of a configuration: paths become absolute, and an image that is there becomes its kernel, initramfs and root device.
    ///
    /// - Parameters:
    ///   - config: What is wrong with it is thrown, not written.
    ///   - dataDirectory: Where the images are.
    /// - Throws: `INVALID_CONFIG` if the configuration is wrong or has what a file cannot say: a serial console, or an interface for
    ///   which a TAP must be made first; `IMAGE_NOT_FOUND`, `INVALID_KERNEL`.
    public init(_ config: VMConfig, in dataDirectory: DataDirectory) async throws {
        let validation = config.validate()
        guard validation.valid else { throw VMConfig.refusal(validation.errors) }
        try Self.refuseUnspeakable(config)
        var kernel = config.bootSource?.kernelImagePath
        // The file may be meant for another machine, whose files are not here.
        if let path = kernel, File.exists(path) {
            kernel = try await KernelFile.executable(from: path, cache: try dataDirectory.directory("kernels"))
        }
        let image = try config.image.map { try BaseImageManager(dataDirectory).image(named: $0) }
        let plan = BootPlan(config, kernel: kernel, image: image)

        var file = VMConfigFile(bootSource: plan.bootSource, drives: plan.drives)
        file.machineConfig = plan.machineConfig
        file.cpuConfig = plan.cpuConfig.map { .config($0) }
        file.pmem = plan.pmem
        file.networkInterfaces = plan.networkInterfaces
        file.vsock = plan.vsockPath.map { VsockConfig(guestCid: plan.guestCid, udsPath: $0) }
        file.balloon = plan.balloon
        file.memoryHotplug = plan.memoryHotplug
        file.entropy = plan.entropy
        file.mmdsConfig = plan.mmds
        file.metrics = plan.metrics
        file.logger = plan.logger
        self.config = file
        notes = Self.notes(on: config, hasAgent: plan.hasAgent)
    }

    /// Indented JSON text.
    public var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let value = try JSONValue(decoding: config.json(showsNulls: false))
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        }
    }

    private static func refuseUnspeakable(_ config: VMConfig) throws(SmartVMError) {
        var errors: [String] = []
        if config.serial != nil {
            errors.append("serial cannot be said in a file for firecracker, which would pass it over")
        }
        for (index, interface) in config.networkInterfaces.enumerated() where interface.hostDevName == nil {
            errors.append("networkInterfaces[\(index)].hostDevName is required: firecracker makes no TAP by itself")
        }
        if !errors.isEmpty { throw VMConfig.refusal(errors) }
    }

    private static func notes(on config: VMConfig, hasAgent: Bool) -> [String] {
        var notes: [String] = []
        if let id = config.id { notes.append("The id stands on firecracker's command line: --id \(id).") }
        if config.hostname != nil { notes.append("The host name is left out: SmartVM gives it to the guest's agent.") }
        if hasAgent, config.vsock == nil {
            notes.append("Without vsock the agent in the initramfs cannot be reached.")
        }
        return notes
    }
}
