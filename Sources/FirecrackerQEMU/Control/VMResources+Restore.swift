internal import FirecrackerAPI
internal import Linux

extension VMResources {
    /// These resources with the devices of a snapshot, opened in Firecracker's order; what was set for this process (metadata, the
    /// serial console) stays.
    ///
    /// - Throws: What follows `Failed to build microVM from snapshot: `.
    func restored(from state: SnapshotState) throws(MachineFault) -> VMResources {
        var new = self
        let saved = state.configuration
        new.isPCIEnabled = state.isPCIEnabled
        new.machineConfig = saved.machineConfig
        new.bootSource = saved.bootSource
        new.balloon = saved.balloon
        new.entropy = saved.entropy
        new.memoryHotplug = saved.memoryHotplug
        do throws(APIFault) {
            new.drives = []
            for drive in saved.drives { new.drives.append(try openBlock(drive)) }
            new.interfaces = []
            for interface in saved.networkInterfaces { new.interfaces.append(try openInterface(interface)) }
        } catch {
            throw state.restoreFault(Self.restoreWords(error.message))
        }
        new.pmem = saved.pmem
        do throws(MachineFault) {
            for device in saved.pmem { _ = try openBackingFile(of: device) }
        } catch {
            throw state.restoreFault("Pmem: Error creating Pmem devie: \(error.description)")
        }
        if let config = saved.mmdsConfig {
            for index in new.interfaces.indices {
                let isServed = config.networkInterfaces.contains(new.interfaces[index].config.ifaceId)
                new.interfaces[index].metadataAddress =
                    isServed ? config.ipv4Address ?? MMDSConfig.defaultIPv4Address : nil
            }
            new.metadata.version = config.version
            new.metadata.isIMDSCompatible = config.imdsCompat
        }
        if let config = saved.vsock {
            let failure = "VsockUnixBackend: Error binding to the host-side Unix socket: "
            do throws(Errno) {
                new.vsock = Vsock(config: config, listener: try host.listenOnSocket(config.udsPath))
            } catch .nameTooLong {
                throw state.restoreFault(failure + "path must be shorter than SUN_LEN")
            } catch {
                throw state.restoreFault(failure + error.withNumber)
            }
        }
        return new
    }

    /// The words of a PUT that fails, and those of a restore that fails for the same reason.
    private static let beginnings = [
        ("Drive config error: Unable to create the virtio block device: ", "Block: "),
        ("Network config error: Could not create the network device: ", "Net: Failed to create a network device: "),
    ]

    private static func restoreWords(_ message: String) -> String {
        for (put, restore) in beginnings where message.hasPrefix(put) { return restore + message.dropFirst(put.count) }
        return message
    }
}

extension SnapshotState {
    fileprivate func restoreFault(_ reason: String) -> MachineFault {
        MachineFault("Failed to restore devices: Error restoring \(isPCIEnabled ? "PCI" : "MMIO") devices: \(reason)")
    }
}
