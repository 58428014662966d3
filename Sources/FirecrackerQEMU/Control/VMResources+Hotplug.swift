internal import FirecrackerAPI

extension VMResources {
    /// The sentence of Firecracker for a bus that is full.
    static let noSlot = "PCI root error: Could not find an available device slot on the PCI bus."

    /// As many as there are in all.
    private var deviceCount: Int {
        drives.count + interfaces.count + pmem.count
            + [vsock != nil, balloon != nil, entropy != nil, memoryHotplug != nil].count { $0 }
    }

    /// Gives every device that can be unplugged a slot, in Firecracker's order.
    ///
    /// - Throws: The fault whose text follows `Start microvm error: `.
    mutating func takeSlots() throws(MachineFault) {
        slots = PCISlots()
        guard isPCIEnabled else { return }
        guard deviceCount <= PCISlots.range.count else {
            throw MachineFault("Could not attach device: Error attach PCI device: \(Self.noSlot)")
        }
        for device in configuration.removableDevices { _ = slots.take(for: device) }
    }

    /// A slot for a device more.
    fileprivate mutating func takeSlot(for device: PCISlots.Device) throws(APIFault) {
        guard deviceCount < PCISlots.range.count, slots.take(for: device) != nil else {
            throw APIFault("PCI manager error: \(Self.noSlot)")
        }
    }
}

// MARK: Devices that come and go after the start

extension VMResources {
    private static let inUse = APIFault("Device ID in use")

    /// Adds a drive to a VM that was started.
    mutating func plugDrive(_ new: Drive) throws(APIFault) -> Block {
        if drives.contains(where: { $0.config.driveId == new.driveId }) { throw Self.inUse }
        if new.isRootDevice { throw APIFault("Drive config error: A root block device already exists!") }
        let block = try openBlock(new)
        try takeSlot(for: .drive(new.driveId))
        drives.append(block)
        return block
    }

    /// Adds a network interface to a VM that was started.
    mutating func plugInterface(_ new: NetworkInterface) throws(APIFault) -> Interface {
        if interfaces.contains(where: { $0.config.ifaceId == new.ifaceId }) { throw Self.inUse }
        try checkMACAddress(new)
        let interface = try openInterface(new)
        try takeSlot(for: .interface(new.ifaceId))
        interfaces.append(interface)
        return interface
    }

    /// What is wrong with a pmem device that is to be added to a VM that was started.
    func checkPlug(_ new: Pmem) throws(APIFault) {
        if pmem.contains(where: { $0.id == new.id }) { throw Self.inUse }
        if new.rootDevice {
            throw APIFault(
                "Pmem config error: Attempt to add pmem as a root device while the root device defined as a block device"
            )
        }
        do throws(MachineFault) {
            _ = try openBackingFile(of: new)
        } catch {
            throw APIFault("Pmem config error: Unable to create the virtio-pmem device: \(error.description)")
        }
    }

    /// - Parameter isRoot: Nil if there is no such device.
    static func checkUnplug(isRoot: Bool?) throws(APIFault) {
        guard let isRoot else { throw APIFault("Device not found") }
        if isRoot { throw APIFault("Cannot unplug root device") }
    }

    mutating func removeDrive(_ id: String) {
        drives.removeAll { $0.config.driveId == id }
        slots.free(.drive(id))
    }

    mutating func removeInterface(_ id: String) {
        interfaces.removeAll { $0.config.ifaceId == id }
        slots.free(.interface(id))
    }
}
