public import FirecrackerAPI
internal import FirecrackerClient
internal import GuestProtocol
internal import Linux

// What concerns the VM as a whole. All that asks the VMM throws as ``SocketClient/send(_:timeout:)`` does.
extension MicroVM {
    /// Stops the vCPUs. Possible in the state `running`.
    ///
    /// - Throws: `INVALID_STATE`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func pause() async throws {
        try await usableClient(for: .pause).pause()
        lifecycle.apply(.paused)
    }

    /// Lets the vCPUs run on, and sets the guest's clock. Possible in the state `paused`. A guest with the agent is given its
    /// identity again if a snapshot was made or restored meanwhile, before this returns.
    ///
    /// - Throws: `INVALID_STATE`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func resume() async throws {
        try await usableClient(for: .resume).resume()
        lifecycle.apply(.resumed)
        guard hasAgent, let session else { return }
        if wasReset {
            try await awaitIdentityAfterReset()
        } else {
            _ = await session.send(.setTime(nanoseconds: Clock.realtimeNanoseconds))
        }
    }

    /// Presses the three keys, by which a guest with a keyboard driver shuts down; x86-64 only. Possible in the state `running`.
    ///
    /// - Throws: `INVALID_STATE`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func sendCtrlAltDel() async throws {
        try await usableClient(for: .sendCtrlAltDel).sendCtrlAltDel()
    }

    /// Has the VMM write its metrics now. Possible in the states `running` and `paused`.
    ///
    /// - Throws: `INVALID_STATE`, `API_ERROR` if the configuration has no metrics, `SOCKET_ERROR`, `TIMEOUT`.
    public func flushMetrics() async throws {
        try await usableClient(for: .flushMetrics).flushMetrics()
    }

    /// What the VMM says of itself and of the vCPUs. Possible while there is a VMM.
    ///
    /// - Throws: `NO_CLIENT`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func getInfo() async throws -> InstanceInfo {
        try await connectedClient().instanceInfo()
    }

    /// The version of Firecracker whose API the VMM serves, for example `1.16.1`. Possible while there is a VMM.
    ///
    /// - Throws: `NO_CLIENT`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func getVersion() async throws -> String {
        try await connectedClient().version()
    }

    /// All that the VMM was configured with. Possible while there is a VMM.
    ///
    /// - Throws: `NO_CLIENT`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func getConfiguration() async throws -> VMConfiguration {
        try await connectedClient().configuration()
    }

    /// The machine that the VMM was configured with. Possible while there is a VMM.
    ///
    /// - Throws: `NO_CLIENT`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func getMachineConfig() async throws -> MachineConfig {
        try await connectedClient().machineConfig()
    }
}
