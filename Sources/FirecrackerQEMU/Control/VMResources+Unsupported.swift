internal import FirecrackerAPI
internal import Linux

extension VMResources {
    /// What was configured as Firecracker has it but cannot be had from QEMU: never left out in silence, the start
    /// fails instead.
    ///
    /// - Returns: The sentence, which may also be what Firecracker itself finds wrong about such a device; or nil.
    func unsupportedFeature() -> String? {
        if let device = pmem.first {
            do throws(MachineFault) {
                try checkBackingFile(of: device)
            } catch {
                return "Cannot create pmem device: \(error.description)"
            }
            return
                "Cannot create pmem device: smartvm-qemu has no virtio-pmem device. Attach \(device.pathOnHost) as a drive."
        }
        if memoryHotplug != nil {
            return
                "Cannot create memory hotplug device: smartvm-qemu has no virtio-mem device. Configure all memory at once."
        }
        if machineConfig.cpuTemplate != nil || cpuConfig.map({ $0 != CPUConfig() }) == true {
            return "Failed to get CPU template: smartvm-qemu emulates one CPU model and cannot apply templates."
        }
        if serial.rateLimiter?.effective != nil {
            return "Failed to create device manager: smartvm-qemu cannot limit the rate of the serial console."
        }
        if entropy?.rateLimiter?.ops != nil {
            return "Cannot create entropy device: smartvm-qemu limits it by bandwidth only, not by ops."
        }
        return nil
    }

    /// What is configured and does nothing, where a guest runs as well without it: said in the log at the start.
    var withoutEffect: [String] {
        var sentences: [String] = []
        for block in drives where block.config.rateLimiter?.hasBurst == true {
            sentences.append("The one_time_burst of drive \(block.config.driveId) has no effect in smartvm-qemu.")
        }
        if entropy?.rateLimiter?.hasBurst == true {
            sentences.append("The one_time_burst of the entropy device has no effect in smartvm-qemu.")
        }
        if balloon?.freePageHinting == true {
            sentences.append("smartvm-qemu's balloon has no free page hinting; free_page_reporting works.")
        }
        return sentences
    }

    /// - Throws: The words of Firecracker, without what stands before them.
    func checkBackingFile(of device: Pmem) throws(MachineFault) {
        let file: SharedDescriptor
        do throws(Errno) {
            file = try host.openFile(device.pathOnHost, writable: !device.readOnly)
        } catch {
            throw MachineFault("Error accessing backing file", error)
        }
        if FileRange.size(file.descriptor.rawValue) == 0 { throw MachineFault("Error backing file size is 0") }
    }
}

extension RateLimiter {
    fileprivate var hasBurst: Bool {
        bandwidth?.oneTimeBurst != nil || ops?.oneTimeBurst != nil
    }
}
