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
    public func updateDrive(
        _ driveId: String, pathOnHost: String? = nil, rateLimiter: RateLimiter? = nil
    ) async throws {
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
    public func updateNetworkInterface(
        _ ifaceId: String, rxRateLimiter: RateLimiter? = nil, txRateLimiter: RateLimiter? = nil
    ) async throws {
        try await send(
            .patchNetworkInterface(
                NetworkInterfaceUpdate(
                    ifaceId: ifaceId, rxRateLimiter: rxRateLimiter, txRateLimiter: txRateLimiter)), for: .updateDevice)
    }

    /// Gives a pmem device other limits.
    public func updatePmem(_ id: String, rateLimiter: RateLimiter) async throws {
        try await send(.patchPmem(PmemUpdate(id: id, rateLimiter: rateLimiter)), for: .updateDevice)
    }

    /// Plugs a drive in. Needs a VMM with PCI.
    public func addDrive(_ drive: Drive) async throws {
        var drive = drive
        drive.pathOnHost = drive.pathOnHost.map(HostPath.absolute)
        try await send(.putDrive(drive), for: .plugDevice)
    }

    /// Takes a drive out. Needs a VMM with PCI.
    public func removeDrive(_ driveId: String) async throws {
        try await send(.deleteDrive(id: driveId), for: .plugDevice)
    }

    /// Plugs a network interface in, on a TAP that is there. Needs a VMM with PCI.
    public func addNetworkInterface(_ interface: FirecrackerAPI.NetworkInterface) async throws {
        try await send(.putNetworkInterface(interface), for: .plugDevice)
    }

    /// Takes a network interface out. Needs a VMM with PCI.
    public func removeNetworkInterface(_ ifaceId: String) async throws {
        try await send(.deleteNetworkInterface(id: ifaceId), for: .plugDevice)
    }

    /// Plugs a pmem device in. Needs a VMM with PCI.
    public func addPmem(_ pmem: Pmem) async throws {
        var pmem = pmem
        pmem.pathOnHost = HostPath.absolute(pmem.pathOnHost)
        try await send(.putPmem(pmem), for: .plugDevice)
    }

    /// Takes a pmem device out. Needs a VMM with PCI.
    public func removePmem(_ id: String) async throws {
        try await send(.deletePmem(id: id), for: .plugDevice)
    }
}
