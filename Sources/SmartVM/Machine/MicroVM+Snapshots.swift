public import FirecrackerAPI
internal import FirecrackerClient
internal import Linux

extension MicroVM {
    /// Writes the VM to two files. Possible in the state `paused`; it can go on afterwards. Files that are there are replaced; those that
    /// a failure leaves half-written are removed.
    ///
    /// - Parameters:
    ///   - snapshotPath: For the state of the machine.
    ///   - memFilePath: For the guest's memory: as large as that, with holes where the guest has written nothing.
    ///   - snapshotType: Default: full.
    /// - Throws: `INVALID_STATE`, `API_ERROR`, `SOCKET_ERROR`, `TIMEOUT`.
    public func createSnapshot(
        snapshotPath: String, memFilePath: String, snapshotType: SnapshotType = .full
    ) async throws -> Snapshot {
        let client = try usableClient(for: .createSnapshot)
        try requireNoJail("createSnapshot")
        let snapshot = Snapshot(
            snapshotPath: snapshotPath, memFilePath: memFilePath, snapshotType: snapshotType, config: effectiveConfig,
            hasVsock: vsockPath != nil, hasAgent: hasAgent)
        let new = [snapshot.snapshotPath, snapshot.memFilePath].filter { !FileTree.exists($0) }
        do {
            try await client.send(
                .createSnapshot(
                    SnapshotCreate(
                        snapshotPath: snapshot.snapshotPath, memFilePath: snapshot.memFilePath,
                        snapshotType: snapshotType)),
                timeout: Self.startTimeout)
        } catch {
            for path in new { try? FileTree.remove(path) }
            throw error
        }
        // The guest finds its connections reset when it goes on; the host's end of its session would not hear of it.
        wasReset = true
        identitiesSeen = session?.identitiesGiven ?? 0
        session?.disconnect()
        return snapshot
    }

    /// Starts this VM from a snapshot, in a VMM of its own, and returns when its guest has its new identity: host name, machine ID,
    /// clock and entropy. Possible once, in the state `created`. If this task is cancelled meanwhile, what has been done is
    /// undone before this throws.
    ///
    /// - Throws: As ``start(_:)``; `INVALID_FILE` if a file of the snapshot is not there.
    public func loadSnapshot(_ snapshot: Snapshot, _ options: RestoreOptions = .init()) async throws {
        try await launch(.loadSnapshot) { try await $0.restore(snapshot, options) }
    }

    private func restore(_ snapshot: Snapshot, _ options: RestoreOptions) async throws {
        try requireName()
        for path in [snapshot.snapshotPath, snapshot.memFilePath] where !File.exists(path) {
            throw SmartVMError(
                .invalidFile, "The snapshot cannot be restored: there is no file \(path).",
                cure: "Name the two files that createSnapshot has written.")
        }
        if let config = snapshot.config {
            guard host.jailer == nil || (config.drives.isEmpty && config.pmem.isEmpty && config.image == nil) else {
                throw SmartVMError(
                    .invalidState,
                    "VM \(id) cannot be restored in a jail: the snapshot's drives would not be found there.",
                    cure: "Restore it without the jailer.")
            }
            // The guest has the devices that it was snapshotted with, whatever this VM was described with.
            self.config.networkInterfaces = config.networkInterfaces
            if let name = config.image {
                let images = host.baseImageManager
                imageUse = (try? images.image(named: name)).flatMap { try? images.use($0) }
            }
        }
        let directories = host.directories
        _ = try await BlockingWork.run { directories.reclaimAbandoned() }
        let vmm = try await host.resolveVMM()
        version = try await vmm.version(in: host.dataDirectory)
        hasAgent = snapshot.hasAgent
        wasReset = true
        let overrides = try await attachNetwork(of: snapshot)
        let load = SnapshotLoad(
            snapshotPath: snapshot.snapshotPath,
            memBackend: MemoryBackend(backendPath: snapshot.memFilePath, backendType: .file),
            trackDirtyPages: options.trackDirtyPages, resumeVm: options.resume,
            networkOverrides: overrides + options.networkOverrides,
            vsockOverride: snapshot.hasVsock ? VsockOverride(udsPath: "") : nil, clockRealtime: options.clockRealtime)
        try requireKnown(.loadSnapshot(load))
        let requests = try await launchVMM(
            vmm, vsockPath: options.vsockOverride?.udsPath, console: options.console
        ) { path in
            var load = load
            load.vsockOverride?.udsPath = path
            return [.loadSnapshot(load)]
        }
        if !snapshot.hasVsock { vsockPath = nil }
        try await supervised(for: options.timeout) { vm in
            try await vm.sendConfiguration(requests)
            if snapshot.hasAgent, options.resume { try await vm.awaitIdentity() }
        }
        if options.resume { wasReset = false }
        try begin(options.resume ? .started : .startedPaused)
    }

    /// Waits until the guest has noticed that it was snapshotted or restored, and has its identity again.
    ///
    /// A guest that does not say so in time goes on as it is: its commands wait in the agent, not here.
    func awaitIdentityAfterReset() async throws {
        guard let session else { return }
        let seen = identitiesSeen
        _ = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                _ = try await session.identityTaken(after: seen)
                return true
            }
            group.addTask {
                try await Task.sleep(for: Self.resetPatience)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        wasReset = false
        identitiesSeen = session.identitiesGiven
    }

    /// An agent that finds its connection reset says hello within milliseconds.
    static let resetPatience = Duration.seconds(5)
}
