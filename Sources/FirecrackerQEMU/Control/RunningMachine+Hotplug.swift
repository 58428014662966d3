internal import FirecrackerAPI
internal import Linux

// QEMU's microvm machine can neither plug nor unplug. What Firecracker would refuse for a reason of its own is still
// refused for that reason, so that a client's mistakes look the same here and there.

extension RunningMachine {
    private static let unsupported = APIFault(
        "smartvm-qemu cannot plug or unplug devices of a started VM: configure them before InstanceStart")

    /// Refuses to plug or unplug.
    func refuseHotplug(_ request: APIRequest) -> APIFault {
        guard devices.isPCIEnabled else { return APIFault("PCI is not enabled") }
        do throws(APIFault) {
            try checkHotplug(request)
            return Self.unsupported
        } catch {
            return error
        }
    }

    private func checkHotplug(_ request: APIRequest) throws(APIFault) {
        let inUse = APIFault("Device ID in use")
        // Only to see what would be said.
        var trial = devices
        switch request {
        case .putDrive(let drive):
            if block(named: drive.driveId) != nil { throw inUse }
            try trial.setDrive(drive)
        case .putPmem(let pmem):
            if devices.pmem.contains(where: { $0.id == pmem.id }) { throw inUse }
            try trial.setPmem(pmem)
            do throws(MachineFault) {
                _ = try devices.openBackingFile(of: pmem)
            } catch {
                throw APIFault("Pmem config error: Unable to create the virtio-pmem device: \(error.description)")
            }
        case .putNetworkInterface(let interface):
            if devices.interfaces.contains(where: { $0.config.ifaceId == interface.ifaceId }) { throw inUse }
            try trial.setNetworkInterface(interface)
        case .deleteDrive(let id):
            try checkUnplug(block(named: id).map(\.config.isRootDevice))
        case .deletePmem(let id):
            try checkUnplug(devices.pmem.first { $0.id == id }.map(\.rootDevice))
        case .deleteNetworkInterface(let id):
            try checkUnplug(devices.interfaces.contains { $0.config.ifaceId == id } ? false : nil)
        default:
            break
        }
    }

    private func block(named id: String) -> VMResources.Block? {
        devices.drives.first { $0.config.driveId == id }
    }

    /// - Parameter isRoot: Nil if there is no such device.
    private func checkUnplug(_ isRoot: Bool?) throws(APIFault) {
        guard let isRoot else { throw APIFault("Device not found") }
        if isRoot { throw APIFault("Cannot unplug root device") }
    }
}
