internal import FirecrackerAPI
internal import Linux

extension VMResources {
    /// Takes what a configuration file says, but for logger and metrics.
    ///
    /// - Parameter initialMetadata: Put into the store before the metadata service is configured.
    /// - Throws: The sentence that follows `Configuration for VMM from one single json failed: `.
    mutating func apply(_ file: VMConfigFile, initialMetadata: JSONValue?) throws(ConfigurationFault) {
        do throws(APIFault) {
            if let machineConfig = file.machineConfig { try setMachineConfig(machineConfig) }
            switch file.cpuConfig {
            case .config(let config): setCPUConfig(config)
            case .path(let path): setCPUConfig(try cpuConfig(at: path))
            case nil: break
            }
            try setBootSource(file.bootSource)
            for drive in file.drives { try setDrive(drive) }
            for interface in file.networkInterfaces { try setNetworkInterface(interface) }
            if let vsock = file.vsock { try setVsock(vsock) }
            if let balloon = file.balloon { try setBalloon(balloon) }
            if let initialMetadata { try metadata.put(initialMetadata) }
            if let mmdsConfig = file.mmdsConfig { try setMetadataConfig(mmdsConfig) }
            if let entropy = file.entropy { setEntropy(entropy) }
            for pmem in file.pmem { try setPmem(pmem) }
            if let memoryHotplug = file.memoryHotplug { try setMemoryHotplug(memoryHotplug) }
        } catch {
            throw ConfigurationFault(error)
        }
    }

    private func cpuConfig(at path: String) throws(APIFault) -> CPUConfig {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try File.read(path)
        } catch {
            throw APIFault("File operation error", error)
        }
        do throws(JSONFault) {
            return try CPUConfig(decoding: bytes)
        } catch {
            throw APIFault("Invalid JSON: \(error)")
        }
    }
}

/// Why a configuration file cannot be used. The words are those of the API's faults, but for their beginnings.
struct ConfigurationFault: Error {
    var sentence: String

    private static let beginnings = [
        ("Machine config error: ", "VM config error: "),
        ("Drive config error: ", "Block device error: "),
        ("Network config error: ", "Network device error: "),
        ("Vsock config error: ", "Vsock device error: "),
        ("Balloon config error: ", "Balloon device error: "),
        ("Pmem config error: ", "Pmem device error: "),
        ("MMMDS config error: ", "MMDS config error: "),
        ("MMDS limit exceeded error: ", "MMDS error: "),
    ]

    init(_ sentence: String) {
        self.sentence = sentence
    }

    init(_ fault: APIFault) {
        for (api, file) in Self.beginnings where fault.message.hasPrefix(api) {
            self.init(file + fault.message.dropFirst(api.count))
            return
        }
        self.init(fault.message)
    }
}
