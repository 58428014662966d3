internal import FirecrackerAPI
internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// What ``Sandbox/update(_:)`` changes; what is nil stays as it is.
public struct SandboxUpdate: Hashable, Sendable {
    /// MiB of memory. While it runs at most what it was started with.
    public var memoryMib: Int?
    /// Only while it does not run.
    public var vcpuCount: Int?
    /// See ``SandboxLimits/diskBandwidth``.
    public var diskBandwidth: Int?
    /// See ``SandboxLimits/diskOperations``.
    public var diskOperations: Int?
    /// See ``SandboxLimits/networkBandwidth``.
    public var networkBandwidth: Int?
    /// Whether it is started again after it has ended by itself.
    public var restart: SandboxRestart?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        memoryMib: Int? = nil, vcpuCount: Int? = nil, diskBandwidth: Int? = nil, diskOperations: Int? = nil,
        networkBandwidth: Int? = nil, restart: SandboxRestart? = nil
    ) {
        self.memoryMib = memoryMib
        self.vcpuCount = vcpuCount
        self.diskBandwidth = diskBandwidth
        self.diskOperations = diskOperations
        self.networkBandwidth = networkBandwidth
        self.restart = restart
    }

    /// For an event.
    fileprivate var words: [String: String] {
        var words: [String: String] = [:]
        words["memoryMib"] = memoryMib.map(String.init)
        words["vcpuCount"] = vcpuCount.map(String.init)
        words["diskBandwidth"] = diskBandwidth.map(String.init)
        words["diskOperations"] = diskOperations.map(String.init)
        words["networkBandwidth"] = networkBandwidth.map(String.init)
        words["restart"] = restart?.description
        return words
    }
}

extension Sandbox {
    /// A guest with less memory than this does nothing but look for some.
    private static let minimumMemory = 32

    /// Changes what it may use, now and in its later lives. Memory that is taken from a guest that runs is taken by its balloon: the guest
    /// gives up what it does not need first, and takes it back rather than kill a process.
    ///
    /// - Throws: `INVALID_STATE` if that cannot be changed while it runs, or if its VMM refuses; `INVALID_CONFIG`; `NO_SUCH_VM`.
    public func update(_ update: SandboxUpdate) async throws {
        let (lock, record) = try await takeLock()
        defer { withExtendedLifetime(lock) {} }
        let before = try Self.decodedConfig(of: record)
        let changed = try Self.changed(before, update, isActive: record.phase == .active, name: record.name)
        try changed.vm.requireValid()
        try changed.checkLife()
        let text = try changed.storedText
        let (manager, id, isActive) = (manager, id, record.phase == .active)
        let directory = directory
        try await BlockingWork.run {
            let now = try manager.store.update(vm: id, isActive ? nil : "update", update.words) { $0.config = text }
            // On a full disk the next start does it.
            if let now { try? RowCopy(now).write(to: directory) }
        }
        guard isActive else { return }
        do {
            try await tell(changed, record)
        } catch {
            // What the VMM has not taken is not told either.
            await BlockingWork.run {
                let now = try? manager.store.update(vm: id) { $0.config = record.config }
                if let now { try? RowCopy(now).write(to: directory) }
            }
            throw error
        }
        // What a VMM has refused has not happened.
        try await BlockingWork.run { _ = try manager.store.update(vm: id, "update", update.words) { _ in } }
    }

    private static func changed(
        _ before: SandboxConfig, _ update: SandboxUpdate, isActive: Bool, name: String
    ) throws(SmartVMError) -> SandboxConfig {
        var config = before
        let cure = "Stop it, change it and start it: smartvm stop \(name)"
        if let memory = update.memoryMib {
            let size = config.vm.machineConfig.memSizeMib
            guard memory >= minimumMemory else {
                throw SmartVMError(
                    .invalidConfiguration, "\(memory) MiB are too little for a guest.",
                    cure: "Give it at least \(minimumMemory) MiB.")
            }
            if !isActive {
                config.vm.machineConfig.memSizeMib = memory
                config.limits.memoryMib = nil
            } else if memory <= size {
                config.limits.memoryMib = memory
            } else {
                throw SmartVMError(
                    .invalidState,
                    "VM \(name) was started with \(size) MiB of memory and cannot get more than that while it runs.",
                    cure: cure)
            }
        }
        if let count = update.vcpuCount {
            guard !isActive else {
                throw SmartVMError(
                    .invalidState, "The VMM cannot change the number of virtual CPUs of VM \(name) while it runs.",
                    cure: cure)
            }
            config.vm.machineConfig.vcpuCount = count
        }
        for value in [update.diskBandwidth, update.diskOperations, update.networkBandwidth] where (value ?? 0) < 0 {
            throw SmartVMError(.invalidConfiguration, "A limit cannot be negative.", cure: "0 is no limit.")
        }
        config.limits = SandboxLimits(
            diskBandwidth: update.diskBandwidth, diskOperations: update.diskOperations,
            networkBandwidth: update.networkBandwidth
        ).over(config.limits)
        if let restart = update.restart { config.restart = restart }
        return config
    }

    /// Has the VMM changed, and the plan of later lives. The caller has the lock.
    private func tell(_ config: SandboxConfig, _ record: VMRecord) async throws {
        let (path, memory) = (directory.planPath, config.vm.machineConfig.memSizeMib)
        let before = try await BlockingWork.run {
            try SupervisorPlan(decoding: File.read(path), skipsUnknownFields: true)
        }
        let requests = config.limits.changes(of: before.requests, memory: memory)
        if config.limits.memoryMib != nil, !requests.contains(where: { $0.path == "/balloon" }) {
            throw SmartVMError(
                .invalidState, "VM \(record.name) has no balloon that could take memory from its guest.",
                cure: "Stop it and start it: smartvm restart \(record.name)")
        }
        var plan = before
        plan.requests = config.limits.applied(to: before.requests, memory: memory)
        plan.restart = RestartPolicy(config.restart)
        let texts = [plan, before].map { $0.json(showsNulls: false) + [0x0a] }
        try await BlockingWork.run { try File.replace(path, with: texts[0]) }
        do {
            try await askPatiently(ControlRequest(.update, requests: requests), record)
        } catch {
            await BlockingWork.run { _ = try? File.replace(path, with: texts[1]) }
            throw error
        }
    }

    /// A guest loads the balloon's driver after what its first command needs; until then the VMM refuses.
    private func askPatiently(_ request: ControlRequest, _ record: VMRecord) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            do {
                return try await ask(request, record)
            } catch let error as SmartVMError
                where error.message.contains("Device not activated") && ContinuousClock.now < deadline
            {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
