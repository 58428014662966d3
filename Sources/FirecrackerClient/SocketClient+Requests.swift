public import FirecrackerAPI

// The requests of everyday use by name. All throw as ``SocketClient/send(_:timeout:)`` does.
extension SocketClient {
    /// Name, state and version of the VM.
    public func instanceInfo() async throws -> InstanceInfo {
        try await value(.getInstanceInfo) { if case .instanceInfo(let info) = $0 { info } else { nil } }
    }

    /// The version of Firecracker whose API the VMM serves, for example `1.16.1`.
    public func version() async throws -> String {
        try await value(.getVersion) { if case .version(let info) = $0 { info.firecrackerVersion } else { nil } }
    }

    /// All that was configured.
    public func configuration() async throws -> VMConfiguration {
        try await value(.getVMConfiguration) { if case .vmConfiguration(let all) = $0 { all } else { nil } }
    }

    /// CPUs and memory.
    public func machineConfig() async throws -> MachineConfig {
        try await value(.getMachineConfig) { if case .machineConfig(let config) = $0 { config } else { nil } }
    }

    /// Boots what was configured; returns when the vCPUs run.
    public func start() async throws {
        try await send(.performAction(.instanceStart))
    }

    /// Stops the vCPUs. Does nothing to a paused VM.
    public func pause() async throws {
        try await send(.setVMState(.paused))
    }

    /// Lets the vCPUs run. Does nothing to a running VM.
    public func resume() async throws {
        try await send(.setVMState(.resumed))
    }

    /// Presses the three keys, by which a guest with a keyboard driver shuts down.
    public func sendCtrlAltDel() async throws {
        try await send(.performAction(.sendCtrlAltDel))
    }

    /// Has the metrics written now.
    public func flushMetrics() async throws {
        try await send(.performAction(.flushMetrics))
    }

    /// The balloon as it is configured.
    public func balloon() async throws -> BalloonConfig {
        try await value(.getBalloon) { if case .balloon(let config) = $0 { config } else { nil } }
    }

    /// What the guest says of its memory. Needs a balloon with statistics.
    public func balloonStatistics() async throws -> BalloonStatistics {
        try await value(.getBalloonStatistics) { if case .balloonStatistics(let all) = $0 { all } else { nil } }
    }

    /// The memory that was plugged in.
    public func memoryHotplugStatus() async throws -> MemoryHotplugStatus {
        try await value(.getMemoryHotplug) { if case .memoryHotplug(let status) = $0 { status } else { nil } }
    }

    /// The metadata store.
    public func metadata() async throws -> JSONValue {
        try await value(.getMMDS) { if case .mmds(let data) = $0 { data } else { nil } }
    }

    private func value<Value: Sendable>(
        _ request: APIRequest, _ extract: (APIAnswer) -> Value?
    ) async throws -> Value {
        let answer = try await send(request)
        guard let value = extract(answer) else {
            throw SmartVMError(.apiError, "The VMM at \(socketPath) answered \(request) with something else: \(answer)")
        }
        return value
    }
}
