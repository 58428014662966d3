internal import FirecrackerAPI

// Memory devices: persistent memory, and memory that is plugged while the guest runs.

extension RunningMachine {
    func updatePmem(_ update: PmemUpdate, _ log: Log) throws(APIFault) {
        // Firecracker does not look for the device if there is nothing to change.
        guard let change = update.rateLimiter else { return }
        guard let index = devices.pmem.firstIndex(where: { $0.id == update.id }) else {
            throw APIFault(
                "Pmem config error: Unable to patch the pmem device: \(Self.noDevice) Please verify the request arguments."
            )
        }
        devices.pmem[index].rateLimiter = devices.pmem[index].rateLimiter.updated(by: change)
        if devices.pmem[index].rateLimiter != nil {
            log.log(.warn, "The rate limiter of pmem \(update.id) has no effect in smartvm-qemu.", module: .vmm)
        }
    }

    func hotplugMemoryStatus() throws(APIFault) -> MemoryHotplugStatus {
        guard let config = devices.memoryHotplug else { throw APIFault("Internal VMM error: \(Self.noDevice)") }
        do throws(MachineFault) {
            let status = try machine.hotplugMemoryStatus()
            return MemoryHotplugStatus(
                blockSizeMib: config.blockSizeMib, totalSizeMib: config.totalSizeMib, slotSizeMib: config.slotSizeMib,
                pluggedSizeMib: UInt(status.plugged >> 20), requestedSizeMib: UInt(status.requested >> 20))
        } catch {
            throw APIFault("Internal VMM error: \(error.description)")
        }
    }

    func updateHotplugMemory(_ update: MemoryHotplugUpdate) throws(APIFault) {
        let failure = "Memory hotplug update error: "
        guard let config = devices.memoryHotplug else { throw APIFault(failure + Self.noDevice) }
        func refuse(_ reason: String) -> APIFault {
            APIFault(failure + "Failed to create memory hotplug device: \(reason)")
        }
        guard machine.isActive("hotplug0") else { throw refuse("Device is not active") }
        // What does not fit into 64 bits is lost, as in Firecracker.
        let size = UInt64(update.requestedSizeMib) << 20
        guard size % (UInt64(config.blockSizeMib) << 20) == 0, size <= UInt64(config.totalSizeMib) << 20 else {
            throw refuse(
                "Size \(size) is invalid: it must be a multiple of block size and less than the total size")
        }
        do throws(MachineFault) {
            try machine.requestHotplugMemory(size)
        } catch {
            throw refuse(error.description)
        }
    }
}
