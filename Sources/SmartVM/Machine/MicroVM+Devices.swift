public import FirecrackerAPI
internal import FirecrackerClient

// Devices of a VM that was started. All throw `INVALID_STATE` unless it runs or is paused, and as
// ``SocketClient/send(_:timeout:)`` does.
extension MicroVM {
    /// Gives a drive another file, or other limits. The guest sees the new size at once.
    ///
    /// - Parameters:
    ///   - driveId: The drive.
    ///   - pathOnHost: nil keeps the file.
    ///   - rateLimiter: Only the buckets that are given change.
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func updateDrive(
        _ driveId: String, pathOnHost: String? = nil, rateLimiter: RateLimiter? = nil
    ) async throws {
        if pathOnHost != nil { try requireNoJail("updateDrive with another file") }
        let path = pathOnHost.map(HostPath.absolute)
        try await send(
            .patchDrive(DriveUpdate(driveId: driveId, pathOnHost: path, rateLimiter: rateLimiter)), for: .updateDevice)
    }

    /// Gives a network interface other limits.
    ///
    /// - Parameters:
    ///   - ifaceId: The interface.
    ///   - rxRateLimiter: Towards the guest; only the buckets that are given change.
    ///   - txRateLimiter: From the guest; only the buckets that are given change.
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func updateNetworkInterface(
        _ ifaceId: String, rxRateLimiter: RateLimiter? = nil, txRateLimiter: RateLimiter? = nil
    ) async throws {
        try await send(
            .patchNetworkInterface(
                NetworkInterfaceUpdate(
                    ifaceId: ifaceId, rxRateLimiter: rxRateLimiter, txRateLimiter: txRateLimiter)), for: .updateDevice)
    }

    /// Gives a pmem device other limits.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func updatePmem(_ id: String, rateLimiter: RateLimiter) async throws {
        try await send(.patchPmem(PmemUpdate(id: id, rateLimiter: rateLimiter)), for: .updateDevice)
    }

    /// Plugs a drive in, which the guest finds when it rescans its bus: `echo 1 > /sys/bus/pci/rescan`.
    ///
    /// Needs ``VMConfig/enablePCI``.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func addDrive(_ drive: Drive) async throws {
        try requireNoJail("addDrive")
        var drive = drive
        drive.pathOnHost = drive.pathOnHost.map(HostPath.absolute)
        try await send(.putDrive(drive), for: .plugDevice)
    }

    /// Takes a drive out at once. The guest must have removed it: `echo 1 > /sys/block/vdb/device/../remove`.
    ///
    /// Needs ``VMConfig/enablePCI``.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func removeDrive(_ driveId: String) async throws {
        try await send(.deleteDrive(id: driveId), for: .plugDevice)
    }

    /// Plugs a network interface in, on a TAP that is there. The guest finds it as it finds a drive: ``addDrive(_:)``.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func addNetworkInterface(_ interface: FirecrackerAPI.NetworkInterface) async throws {
        try await send(.putNetworkInterface(interface), for: .plugDevice)
    }

    /// Takes a network interface out at once. The guest must have removed it: `echo 1 > /sys/class/net/eth1/device/../remove`.
    ///
    /// Needs ``VMConfig/enablePCI``.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func removeNetworkInterface(_ ifaceId: String) async throws {
        try await send(.deleteNetworkInterface(id: ifaceId), for: .plugDevice)
    }

    /// Plugs a pmem device in. Needs ``VMConfig/enablePCI``.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func addPmem(_ pmem: Pmem) async throws {
        try requireNoJail("addPmem")
        var pmem = pmem
        pmem.pathOnHost = HostPath.absolute(pmem.pathOnHost)
        try await send(.putPmem(pmem), for: .plugDevice)
    }

    /// Takes a pmem device out. Needs ``VMConfig/enablePCI``.
    ///
    /// - Throws: `INVALID_STATE` unless it runs or is paused; as ``SocketClient/send(_:timeout:)`` does.
    public func removePmem(_ id: String) async throws {
        try await send(.deletePmem(id: id), for: .plugDevice)
    }

    /// A VMM in a jail sees only what was put there before it ran.
    func requireNoJail(_ operation: String) throws(SmartVMError) {
        guard host.jailer != nil else { return }
        throw SmartVMError(
            .invalidState,
            "VM \(id) runs in a jail, where its VMM cannot see other files of the host: \(operation) is not possible.",
            cure: "Name the file in the VM's configuration, or start the VM without the jailer.")
    }
}
