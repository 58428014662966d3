public import FirecrackerAPI
internal import FirecrackerClient

// Balloon and memory hotplug. All throw `INVALID_STATE` in other states than those that are named, and as
// ``SocketClient/send(_:timeout:)`` does.
extension MicroVM {
    /// Changes what the VM will be started with. Possible in the state `created`.
    ///
    /// - Parameter update: What is nil stays as it is.
    /// - Throws: `INVALID_STATE`; `INVALID_CONFIG` if the configuration would become wrong, which then stays as it was.
    public func updateMachineConfig(_ update: MachineConfigUpdate) throws {
        try lifecycle.check(.updateMachineConfig, of: id)
        var changed = config
        changed.machineConfig.apply(update)
        try changed.requireValid()
        config = changed
    }

    /// The balloon's configuration. Possible in the states `running` and `paused`.
    ///
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func getBalloon() async throws -> BalloonConfig {
        try await usableClient(for: .readBalloon).balloon()
    }

    /// What the guest's balloon driver reports. Possible in the states `running` and `paused`, if the balloon was configured with
    /// statistics.
    ///
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func getBalloonStatistics() async throws -> BalloonStatistics {
        try await withBalloonDriver { try await usableClient(for: .readBalloon).balloonStatistics() }
    }

    /// Gives the balloon another target. Possible in the states `running` and `paused`.
    ///
    /// - Parameter amountMib: MiB that the guest is to give back.
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func updateBalloon(amountMib: UInt32) async throws {
        try await withBalloonDriver {
            try await send(.patchBalloon(BalloonUpdate(amountMib: amountMib)), for: .updateDevice)
        }
    }

    /// A guest loads the balloon's driver after what its first command needs; until then the VMM refuses. Waits for it, but not for ever:
    /// a guest may have none.
    @discardableResult
    private func withBalloonDriver<Answer>(_ request: () async throws -> Answer) async throws -> Answer {
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            do {
                return try await request()
            } catch let error as SmartVMError
                where error.fault?.message.contains("Device not activated") == true && hasAgent && state == .running
                && ContinuousClock.now < deadline
            {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Changes how often the guest reports. Possible in the states `running` and `paused`.
    ///
    /// - Parameter seconds: 0 only where it was 0 before.
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func updateBalloonStatsInterval(seconds: UInt16) async throws {
        try await send(
            .patchBalloonStatistics(BalloonStatisticsUpdate(statsPollingIntervalS: seconds)), for: .updateDevice)
    }

    /// Asks the guest for its free pages. Possible in the states `running` and `paused`.
    ///
    /// - Parameter acknowledgesOnStop: Whether the device tells the guest by itself that the run is done. Default: true.
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func startBalloonHinting(acknowledgesOnStop: Bool = true) async throws {
        try await send(
            .startBalloonHinting(BalloonHintingStart(acknowledgeOnStop: acknowledgesOnStop)), for: .updateDevice)
    }

    /// How far the run is. Possible in the states `running` and `paused`.
    ///
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func getBalloonHintingStatus() async throws -> BalloonHintingStatus {
        guard case .balloonHintingStatus(let status) = try await send(.getBalloonHintingStatus, for: .readBalloon)
        else {
            throw SmartVMError(.apiError, "The VMM of \(id) answered a question for the balloon with something else.")
        }
        return status
    }

    /// Ends the run. Possible in the states `running` and `paused`.
    ///
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func stopBalloonHinting() async throws {
        try await send(.stopBalloonHinting, for: .updateDevice)
    }

    /// How much memory is plugged in. Possible in the states `running` and `paused`.
    ///
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func getMemoryHotplugStatus() async throws -> MemoryHotplugStatus {
        let client = try usableClient(for: .readBalloon)
        try requireKnown(.getMemoryHotplug)
        return try await client.memoryHotplugStatus()
    }

    /// Changes how much memory is plugged in. Possible in the states `running` and `paused`.
    ///
    /// - Throws: `INVALID_STATE` in other states; as ``SocketClient/send(_:timeout:)`` does.
    public func updateMemoryHotplug(_ update: MemoryHotplugUpdate) async throws {
        try await send(.patchMemoryHotplug(update), for: .updateDevice)
    }
}
