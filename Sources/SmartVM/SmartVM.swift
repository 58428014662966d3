@_exported public import FirecrackerAPI
@_exported public import FirecrackerClient
internal import Synchronization

/// Makes microVMs, and knows those that it has made.
///
///     let smartVM = try SmartVM()
///     try await smartVM.withVM(VMConfig(image: "minimal")) { vm in
///         print(try await vm.exec(["uname", "-a"]).standardOutput)
///     }
///
/// Theory of operation. A VM that was created is an entry in memory and nothing else; all that it will hold on the host comes and
/// goes with its start and its end (``MicroVM``). So there may be several of these values, in several processes, on one data
/// directory: what must not collide is decided there, when a VM starts.
public final class SmartVM: Sendable {
    /// VMs by name, in the order of their creation.
    private struct Registry {
        var order: [String] = []
        var vms: [String: MicroVM] = [:]
    }

    /// Releases of Firecracker.
    public let imageManager: ImageManager
    /// What guests boot from.
    public let baseImageManager: BaseImageManager
    /// The guests' network.
    public let networkManager: NetworkManager

    /// VMs that outlive this process.
    public let sandboxes: SandboxManager

    private let host: MicroVMHost
    private let registry = Mutex(Registry())

    /// Makes the data directory if it is missing; touches nothing else.
    ///
    /// - Throws: `DATA_DIRECTORY_UNUSABLE` if it cannot be used; `INVALID_SUBNET`, `INVALID_INTERFACE_NAME`;
    ///   `INVALID_BASE_IMAGE_CACHE_LIMIT`; `INVALID_CONFIG` for an architecture that Firecracker does not run on.
    public init(_ options: SmartVMOptions = .init()) throws(SmartVMError) {
        let dataDirectory =
            if let path = options.dataDir { DataDirectory(path: path) } else { try DataDirectory() }
        try dataDirectory.prepare()
        let selection: VMMSelection =
            if let path = options.firecrackerBinaryPath { .path(path) } else {
                options.vmm.map { VMMSelection($0) } ?? .automatic
            }
        var network = NetworkManagerOptions(dataDirectory: dataDirectory.path)
        if let bridgeName = options.bridgeName { network.bridgeName = bridgeName }
        if let subnet = options.subnet { network.subnet = subnet }
        networkManager = try NetworkManager(network)
        let arch = options.arch ?? HostArchitecture.name
        imageManager = ImageManager(dataDirectory, arch: arch)
        var images = try BaseImageManager(
            BaseImageManagerOptions(
                cacheDir: options.baseImageCacheDir ?? dataDirectory.imagesPath,
                maxStoredBaseImages: options.maxStoredBaseImages, arch: arch))
        images.knowUsers(in: dataDirectory)
        baseImageManager = images
        let isChosen = options.firecrackerBinaryPath != nil || options.vmm != nil
        host = MicroVMHost(
            dataDirectory: dataDirectory, vmmSelection: selection, networkManager: networkManager,
            baseImageManager: baseImageManager, imageManager: imageManager,
            firecrackerVersion: isChosen ? nil : options.firecrackerVersion, arch: arch, jailer: options.jailer)
        sandboxes = SandboxManager(host)
    }

    /// Describes a VM; nothing is made on the host before it is started.
    ///
    /// - Parameter config: Without an `id` it gets one that is made up.
    /// - Throws: `INVALID_CONFIG` with all that is wrong; `NAME_IN_USE` if this value has a VM of that name.
    public func createVM(_ config: VMConfig) async throws(SmartVMError) -> MicroVM {
        try config.requireValid()
        return try track(config)
    }

    /// Describes a VM and starts it from a snapshot (see ``MicroVM/loadSnapshot(_:_:)``). It is forgotten if that fails.
    ///
    /// - Parameters:
    ///   - snapshot: What ``MicroVM/createSnapshot(snapshotPath:memFilePath:snapshotType:)`` has written.
    ///   - options: How it is restored.
    ///   - id: Default: made up.
    /// - Throws: `NAME_IN_USE`, and as ``MicroVM/loadSnapshot(_:_:)`` does.
    public func restoreVM(
        _ snapshot: Snapshot, id: String? = nil, _ options: RestoreOptions = .init()
    ) async throws -> MicroVM {
        var config = snapshot.config ?? VMConfig()
        config.id = id
        config.hostname = nil
        let vm = try track(config)
        do {
            try await vm.loadSnapshot(snapshot, options)
        } catch {
            await removeVM(vm.id)
            throw error
        }
        return vm
    }

    private func track(_ config: VMConfig) throws(SmartVMError) -> MicroVM {
        let id = config.id ?? "vm-" + GuestIdentity.randomHexadecimal(bytes: 5)
        let vm = MicroVM(id: id, config: config, host: host)
        let isNew = registry.withLock { registry in
            guard registry.vms[id] == nil else { return false }
            registry.vms[id] = vm
            registry.order.append(id)
            return true
        }
        guard isNew else {
            throw SmartVMError(
                .nameInUse, "There is a VM with the id \(id) already.",
                cure: "Choose another id, or remove the one that has it.")
        }
        return vm
    }

    /// The VM of this name, if this value has made it and it was not removed.
    public func getVM(_ id: String) -> MicroVM? {
        registry.withLock { $0.vms[id] }
    }

    /// The names of all VMs, in the order of their creation.
    public func listVMs() -> [String] {
        registry.withLock { $0.order }
    }

    /// How many VMs there are, in whatever state.
    public var vmCount: Int {
        registry.withLock { $0.order.count }
    }

    /// Stops all VMs at once; they stay known.
    ///
    /// - Returns: How each was stopped, by name.
    @discardableResult
    public func stopAll(_ policy: StopPolicy = .graceful) async -> [String: StopReport] {
        let vms = registry.withLock { registry in registry.order.compactMap { registry.vms[$0] } }
        return await withTaskGroup(of: (String, StopReport).self) { group in
            for vm in vms { group.addTask { (vm.id, await vm.stop(policy)) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// Stops a VM and forgets it.
    ///
    /// - Returns: Whether there was one of this name.
    @discardableResult
    public func removeVM(_ id: String, _ policy: StopPolicy = .quick) async -> Bool {
        guard let vm = getVM(id) else { return false }
        await vm.stop(policy)
        registry.withLock { registry in
            // Another one of the same name may have been made meanwhile, by somebody else who removed this one.
            guard registry.vms[id] === vm else { return }
            registry.vms[id] = nil
            registry.order.removeAll { $0 == id }
        }
        return true
    }

    /// Stops all VMs, forgets them, removes the TAPs that were made by ``networkManager``, and takes back what VMs of killed processes
    /// have left.
    public func cleanup(_ policy: StopPolicy = .quick) async {
        await withTaskGroup(of: Void.self) { group in
            for id in listVMs() { group.addTask { await self.removeVM(id, policy) } }
        }
        // What cannot be removed stays written down, and is tried again by the next process.
        try? await networkManager.cleanup()
        await reclaimAbandoned()
    }

    /// Ends and removes what VMs of killed processes have left. Starting a VM does it too.
    ///
    /// - Returns: Their names.
    @discardableResult
    public func reclaimAbandoned() async -> [String] {
        let directories = host.directories
        let names = (try? await BlockingWork.run { directories.reclaimAbandoned() }) ?? []
        // After the VMMs that hold its TAPs. Where nothing was ever written down, nothing is to be made.
        if networkManager.hasRecords { _ = try? await networkManager.reconcile() }
        return names
    }
}
