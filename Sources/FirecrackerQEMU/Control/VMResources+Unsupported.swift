internal import FirecrackerAPI
internal import Linux

extension VMResources {
    /// What was configured as Firecracker has it but cannot be had from QEMU: never left out in silence, the start
    /// fails instead.
    ///
    /// - Returns: The sentence, which may also be what Firecracker itself finds wrong about such a device; or nil.
    func unsupportedFeature() -> String? {
        if machineConfig.hugePages != .normal {
            return
                "Invalid Memory Configuration: smartvm-qemu does not back memory with huge pages. Set huge_pages to None."
        }
        if machineConfig.cpuTemplate != nil || cpuConfig.map({ $0 != CPUConfig() }) == true {
            return "Failed to get CPU template: smartvm-qemu emulates one CPU model and cannot apply templates."
        }
        if let drive = drives.first(where: { $0.config.socket != nil }) {
            return
                "Cannot create block device: smartvm-qemu has no vhost-user drives, but \(drive.config.driveId) is one."
        }
        return nil
    }

    /// What is configured and does nothing, where a guest runs as well without it: said in the log at the start.
    var withoutEffect: [String] {
        var sentences: [String] = []
        if balloon?.freePageHinting == true {
            sentences.append("smartvm-qemu's balloon has no free page hinting; free_page_reporting works.")
        }
        for device in pmem where device.rateLimiter?.effective != nil {
            sentences.append("The rate limiter of pmem \(device.id) has no effect in smartvm-qemu.")
        }
        return sentences
    }

    /// - Throws: The words of Firecracker, without what stands before them.
    func openBackingFile(of device: Pmem) throws(MachineFault) -> SharedDescriptor {
        let file: SharedDescriptor
        do throws(Errno) {
            file = try host.openFile(device.pathOnHost, writable: !device.readOnly)
        } catch {
            throw MachineFault("Error accessing backing file", error)
        }
        let size = FileRange.size(file.descriptor.rawValue) ?? 0
        guard size > 0 else { throw MachineFault("Error backing file size is 0") }
        guard FileRange.isRegularFile(file.descriptor.rawValue) else {
            throw MachineFault("Error accessing backing file", .noSuchDevice)
        }
        guard size % MemoryMap.pageSize == 0 else {
            throw MachineFault(
                "Error accessing backing file: smartvm-qemu maps whole pages of \(MemoryMap.pageSize) bytes, and "
                    + "\(device.pathOnHost) ends within one. Extend it: truncate -s %\(MemoryMap.pageSize)")
        }
        return file
    }
}
