internal import FirecrackerAPI
internal import Linux

extension VMResources {
    mutating func setBootSource(_ new: BootSource) throws(APIFault) {
        let kernel: SharedDescriptor
        do throws(Errno) {
            kernel = try host.openFile(new.kernelImagePath, writable: false)
        } catch {
            throw APIFault("Boot source error: The kernel file cannot be opened", error)
        }
        var initrd: SharedDescriptor?
        if let path = new.initrdPath {
            do throws(Errno) {
                initrd = try host.openFile(path, writable: false)
            } catch {
                throw APIFault(
                    "Boot source error: The initrd file cannot be opened due to invalid path or invalid permissions. "
                        + error.withNumber)
            }
        }
        if let arguments = new.bootArgs, arguments.utf8.count > BootSource.maximumBootArgsLength {
            throw APIFault("Boot source error: The kernel command line is invalid: Invalid cmdline capacity provided.")
        }
        bootSource = new
        bootFiles = BootFiles(kernel: kernel, initrd: initrd)
    }

    /// Replaces the machine configuration, but for a CPU template that is not given.
    mutating func setMachineConfig(_ new: MachineConfig) throws(APIFault) {
        try updateMachineConfig(
            MachineConfigUpdate(
                vcpuCount: new.vcpuCount, memSizeMib: new.memSizeMib, smt: new.smt, cpuTemplate: new.cpuTemplate,
                trackDirtyPages: new.trackDirtyPages, hugePages: new.hugePages))
    }

    mutating func updateMachineConfig(_ update: MachineConfigUpdate) throws(APIFault) {
        var new = machineConfig
        new.vcpuCount = update.vcpuCount ?? new.vcpuCount
        new.memSizeMib = update.memSizeMib ?? new.memSizeMib
        new.smt = update.smt ?? new.smt
        new.trackDirtyPages = update.trackDirtyPages ?? new.trackDirtyPages
        new.hugePages = update.hugePages ?? new.hugePages
        if let template = update.cpuTemplate { new.cpuTemplate = template == .empty ? nil : template }
        guard MachineConfig.allows(vcpuCount: Int(new.vcpuCount), smt: new.smt) else {
            throw APIFault(
                "Machine config error: The number of vCPUs must be greater than 0, less than 32 and must be 1 or an even "
                    + "number if SMT is enabled.")
        }
        guard new.memSizeMib > 0, new.hugePages == .normal || new.memSizeMib % 2 == 0 else {
            throw APIFault(
                "Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size."
            )
        }
        if let balloon, new.memSizeMib < UInt(balloon.amountMib) {
            throw APIFault(
                "Machine config error: The memory size (MiB) is smaller than the previously set balloon device target "
                    + "size.")
        }
        machineConfig = new
        // There is one template at a time, named or spelled out.
        if update.cpuTemplate != nil { cpuConfig = nil }
    }

    /// Takes the place of a named template; an empty configuration takes back the one before.
    mutating func setCPUConfig(_ new: CPUConfig) {
        cpuConfig = new
        machineConfig.cpuTemplate = nil
    }

    mutating func setBalloon(_ new: BalloonConfig) throws(APIFault) {
        guard UInt(new.amountMib) <= machineConfig.memSizeMib else {
            throw APIFault("Balloon config error: Amount of pages requested is too large.")
        }
        guard new.amountMib <= BalloonConfig.maximumAmountMib else {
            throw APIFault(
                "Balloon config error: Error creating the balloon device: Requested memory should be less than "
                    + "\(BalloonConfig.maximumAmountMib)MiB")
        }
        balloon = new
    }

    mutating func setEntropy(_ new: EntropyConfig) {
        entropy = EntropyConfig(rateLimiter: new.rateLimiter?.effective)
    }

    mutating func setSerial(_ new: SerialConfig) {
        serial = new
    }

    mutating func setMemoryHotplug(_ new: MemoryHotplugConfig) throws(APIFault) {
        func refuse(_ reason: String) -> APIFault { APIFault("Memory hotplug config error: \(reason)") }
        let smallestBlock = MemoryHotplugConfig.minimumBlockSizeMib
        let smallestSlot = MemoryHotplugConfig.minimumSlotSizeMib
        if new.blockSizeMib < smallestBlock {
            throw refuse("Block size must not be lower than \(smallestBlock) MiB")
        }
        if new.blockSizeMib & (new.blockSizeMib - 1) != 0 { throw refuse("Block size must be a power of 2") }
        if new.slotSizeMib < smallestSlot {
            throw refuse("Slot size must not be lower than \(smallestSlot) MiB")
        }
        if new.slotSizeMib % new.blockSizeMib != 0 {
            throw refuse("Slot size must be a multiple of block size (\(new.blockSizeMib) MiB)")
        }
        if new.totalSizeMib < new.slotSizeMib {
            throw refuse("Total size must not be lower than slot size (\(new.slotSizeMib) MiB)")
        }
        if new.totalSizeMib % new.slotSizeMib != 0 {
            throw refuse("Total size must be a multiple of slot size (\(new.slotSizeMib) MiB)")
        }
        memoryHotplug = new
    }
}
