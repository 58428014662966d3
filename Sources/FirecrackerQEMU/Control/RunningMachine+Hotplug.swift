internal import FirecrackerAPI

// Devices that come and go while the VM runs. As with Firecracker the guest is told of neither: it rescans its bus after a device was
// plugged, and has removed the device before it is unplugged.

extension RunningMachine {
    /// Plugs or unplugs a device. If that fails, everything is as before.
    func changeDevices(_ request: APIRequest, log: Log) throws(APIFault) {
        log.logLimited(
            .warn, "[DevPreview] PCI device \(request.isUnplug ? "hot-unplug" : "hotplug") is in development preview.",
            module: .vmm)
        guard devices.isPCIEnabled else { throw APIFault("PCI is not enabled") }
        var changed = devices
        switch request {
        case .putDrive(let drive):
            let block = try changed.plugDrive(drive)
            let device = changed.blockDevice(block)
            try attempt { () throws(MachineFault) in try machine.plug(device) }
        case .putNetworkInterface(let interface):
            let opened = try changed.plugInterface(interface)
            let device = changed.networkDevice(opened)
            guard device.isUnwatched else {
                throw APIFault(
                    "smartvm-qemu cannot limit an interface that is plugged after InstanceStart: put it before, or "
                        + "without limiters.")
            }
            try attempt { () throws(MachineFault) in try machine.plug(device) }
        case .deleteDrive(let id):
            let block = devices.drives.first { $0.config.driveId == id }
            try VMResources.checkUnplug(isRoot: block.map(\.config.isRootDevice))
            try attempt { () throws(MachineFault) in try machine.unplugDrive(id) }
            changed.removeDrive(id)
        case .deleteNetworkInterface(let id):
            let slot = devices.slots[.interface(id)]
            try VMResources.checkUnplug(isRoot: slot.map { _ in false })
            if let slot { try attempt { () throws(MachineFault) in try machine.unplugInterface(id, at: slot) } }
            changed.removeInterface(id)
        case .putPmem(let pmem):
            try devices.checkPlug(pmem)
            throw APIFault("smartvm-qemu cannot plug pmem devices. Plug \(pmem.pathOnHost) as a drive.")
        case .deletePmem(let id):
            try VMResources.checkUnplug(isRoot: devices.pmem.first { $0.id == id }?.rootDevice)
            throw APIFault("smartvm-qemu cannot unplug pmem devices.")
        default:
            break
        }
        devices = changed
    }

    private func attempt(_ change: () throws(MachineFault) -> Void) throws(APIFault) {
        do throws(MachineFault) {
            try change()
        } catch {
            throw APIFault("PCI manager error: \(error.description)")
        }
    }
}

extension APIRequest {
    fileprivate var isUnplug: Bool {
        switch self {
        case .deleteDrive, .deletePmem, .deleteNetworkInterface: true
        default: false
        }
    }
}
