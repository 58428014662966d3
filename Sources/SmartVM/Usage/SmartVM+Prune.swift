internal import FirecrackerClient
internal import Linux

/// What ``SmartVM/prune(_:)`` removes beside VMs that do not run and caches.
public struct PruneOptions: Hashable, Sendable {
    /// Images that no VM is made with, and releases of Firecracker that no VM runs on. Default: no.
    public var all: Bool
    /// Volumes that no VM is made with. Default: no.
    public var volumes: Bool

    /// Each parameter sets the property of its name.
    public init(all: Bool = false, volumes: Bool = false) {
        self.all = all
        self.volumes = volumes
    }
}

/// What ``SmartVM/prune(_:)`` has done.
public struct PruneReport: Hashable, Sendable, Codable {
    /// What was removed, as it was.
    public var removed: [DiskUsage.Item] = []
    /// Why something could not be removed, a sentence each.
    public var failures: [String] = []

    /// Bytes on the disk that were freed.
    public var freed: Int64 { removed.reduce(0) { $0 + $1.allocated } }
}

extension SmartVM {
    /// What the data directory takes on the disk, and what of it could be freed.
    public func dataUsage() async throws -> DiskUsage {
        let survey = DiskUsageSurvey(
            dataDirectory: sandboxes.host.dataDirectory, images: baseImageManager, sandboxes: sandboxes)
        let vms = try await sandboxes.list(all: true)
        let volumes = try await sandboxes.volumes()
        return DiskUsage(items: try await BlockingWork.run { try survey.items(vms: vms, volumes: volumes) })
    }

    /// Removes what nobody uses: VMs that do not run with their disks and logs, parts of downloads, unpacked kernels; and what else the
    /// options say. What is in use by then stays, and so does a VM that was made within the last minute: its maker may be about to start
    /// it.
    public func prune(_ options: PruneOptions = .init()) async throws -> PruneReport {
        var report = PruneReport()
        // In this order: what VMs are made with is free only when they are gone.
        for kinds in [[DiskUsage.Kind.vms], [.images, .volumes, .vmms, .caches]] {
            for item in try await dataUsage().items where kinds.contains(item.kind) && !item.isInUse {
                do {
                    if try await remove(item, options) { report.removed.append(item) }
                } catch let error as SmartVMError where Self.isOvertaken(error) {
                    // Somebody uses it now, or has removed it.
                } catch {
                    report.failures.append("\(item.name): \((error as? SmartVMError)?.message ?? "\(error)")")
                }
            }
        }
        return report
    }

    private static func isOvertaken(_ error: SmartVMError) -> Bool {
        let codes: [SmartVMError.Code] = [
            .noSuchVM, .invalidState, .imageInUse, .imageNotFound, .volumeInUse, .noSuchVolume, .releaseNotFound,
        ]
        return codes.contains(error.code)
    }

    /// - Returns: Whether it is gone.
    func remove(_ item: DiskUsage.Item, _ options: PruneOptions) async throws -> Bool {
        switch item.kind {
        case .vms:
            guard let id = item.id else { return false }
            try await Sandbox(id: id, manager: sandboxes).remove()
        case .images where options.all: try await baseImageManager.remove(named: item.name)
        case .vmms where options.all: try await imageManager.remove(item.name)
        case .volumes where options.volumes: try await sandboxes.removeVolume(item.name)
        case .caches:
            let path = "\(sandboxes.host.dataDirectory.path)/\(item.name)"
            return try await BlockingWork.run { try Self.removeCache(path) }
        default: return false
        }
        return true
    }

    private static func removeCache(_ path: String) throws(Errno) -> Bool {
        guard path.hasSuffix(".part") else {
            try FileTree.removeAll(path)
            return true
        }
        // Whoever works on a download has a lock on its part.
        do throws(Errno) {
            let lock = try FileLock(existing: path, .exclusive)
            try FileTree.removeAll(path)
            try FileTree.removeAll("\(path).json")
            withExtendedLifetime(lock) {}
            return true
        } catch .wouldBlock {
            return false
        }
    }
}
