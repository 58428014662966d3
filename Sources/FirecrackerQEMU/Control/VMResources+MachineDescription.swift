internal import FirecrackerAPI
internal import Glibc
internal import Linux

extension VMResources {
    /// What QEMU is to be started with. Descriptors in it belong to these resources, but for those of what is opened only now,
    /// the console and the files of persistent memory, which are returned to be held until the start is over.
    ///
    /// - Parameter snapshot: What the machine goes on from; nil for a boot.
    /// - Throws: The fault whose text follows `Start microvm error: `.
    func machineDescription(
        restoring snapshot: MachineDescription.Snapshot? = nil
    ) throws(MachineFault) -> (description: MachineDescription, opened: [SharedDescriptor]) {
        var description: MachineDescription
        if let snapshot {
            description = MachineDescription(snapshot: snapshot)
        } else {
            guard let bootFiles else { throw MachineFault("Cannot start microvm without kernel configuration.") }
            description = MachineDescription(kernel: bootFiles.kernel.descriptor.rawValue)
            description.initrd = bootFiles.initrd?.descriptor.rawValue
            description.bootArguments = bootSource.bootArgs
        }
        if let reason = unsupportedFeature() { throw MachineFault(reason) }
        description.tracksMemoryChanges = machineConfig.trackDirtyPages
        description.cpuCount = Int(machineConfig.vcpuCount)
        description.memoryMiB = Int(clamping: machineConfig.memSizeMib)
        description.isPCI = isPCIEnabled
        description.usesHugePages = machineConfig.hugePages != .normal
        description.drives = drives.enumerated().map { blockDevice($1, position: $0) }
        description.networkInterfaces = interfaces.enumerated().map { networkDevice($1, position: $0) }
        description.metadata = metadata
        description.vsock = vsock.map {
            MachineDescription.Vsock(
                guestCID: $0.config.guestCid, listener: $0.listener.descriptor.rawValue, path: $0.config.udsPath)
        }
        description.balloon = balloon.map {
            MachineDescription.Balloon(
                targetMiB: Int($0.amountMib), deflatesOnOutOfMemory: $0.deflateOnOom,
                statisticsInterval: Int($0.statsPollingIntervalS), reportsFreePages: $0.freePageReporting)
        }
        description.entropy = entropy.map {
            MachineDescription.Entropy(limiter: $0.rateLimiter)
        }
        description.consoleLimiter = serial.rateLimiter
        description.hotplugMemory = memoryHotplug.map {
            MachineDescription.HotplugMemory(
                sizeMiB: Int(clamping: $0.totalSizeMib), blockMiB: Int(clamping: $0.blockSizeMib))
        }
        var opened: [SharedDescriptor] = []
        if let console = try openConsole() {
            description.console = .file(console.descriptor.rawValue)
            opened.append(console)
        }
        for device in pmem {
            let file: SharedDescriptor
            do throws(MachineFault) {
                file = try openBackingFile(of: device)
            } catch {
                throw MachineFault("Cannot create pmem device: \(error.description)")
            }
            description.persistentMemory.append(
                MachineDescription.PersistentMemory(
                    file: file.descriptor.rawValue, size: FileRange.size(file.descriptor.rawValue) ?? 0,
                    isReadOnly: device.readOnly, isRoot: device.rootDevice))
            opened.append(file)
        }
        return (description, opened)
    }

    /// - Parameter position: Among the drives; of no account on a PCI bus.
    func blockDevice(_ block: Block, position: Int = 0) -> MachineDescription.BlockDevice {
        let config = block.config
        var drive = MachineDescription.BlockDevice(
            id: config.driveId, file: block.file.descriptor.rawValue, isReadOnly: config.isReadOnly ?? false,
            isRoot: config.isRootDevice, partitionUUID: config.partuuid, isWriteback: config.cacheType == .writeback)
        drive.place = isPCIEnabled ? slots[.drive(config.driveId)] ?? 0 : position
        drive.isVhostUser = config.socket != nil
        drive.limiter = DriveLimiter(config.rateLimiter)
        return drive
    }

    /// - Parameter position: Among the interfaces; of no account on a PCI bus.
    func networkDevice(_ interface: Interface, position: Int = 0) -> MachineDescription.NetworkDevice {
        let config = interface.config
        var device = MachineDescription.NetworkDevice(
            id: config.ifaceId, tap: interface.tap.descriptor.rawValue, macAddress: config.guestMac, mtu: config.mtu)
        device.place = isPCIEnabled ? slots[.interface(config.ifaceId)] ?? 0 : position
        device.metadataAddress = interface.metadataAddress
        device.receiveLimiter = config.rxRateLimiter
        device.sendLimiter = config.txRateLimiter
        return device
    }

    private func openConsole() throws(MachineFault) -> SharedDescriptor? {
        guard let path = serial.serialOutPath else { return nil }
        do throws(Errno) {
            return SharedDescriptor(try Descriptor.open(path, O_RDWR | O_CREAT | O_NONBLOCK, mode: 0o644))
        } catch {
            throw MachineFault("Failed to create device manager: Error with EventFd", error)
        }
    }
}

extension DriveLimiter {
    init(_ limiter: RateLimiter?) {
        func engineBucket(_ bucket: FirecrackerAPI.TokenBucket?) -> Bucket? {
            bucket.map { Bucket(size: $0.size, refillMilliseconds: $0.refillTime, oneTimeBurst: $0.oneTimeBurst ?? 0) }
        }
        self.init(bandwidth: engineBucket(limiter?.bandwidth), operations: engineBucket(limiter?.ops))
    }
}
