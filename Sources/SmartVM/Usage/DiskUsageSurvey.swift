internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux
internal import SupervisorProtocol

/// Looks through a data directory. Blocks the thread.
struct DiskUsageSurvey: Sendable {
    let dataDirectory: DataDirectory
    let images: BaseImageManager
    let sandboxes: SandboxManager

    /// Files that were looked at or used less long ago may be about to be opened, in seconds.
    static let recently: Double = 3600

    /// Everything that there is.
    ///
    /// - Parameter vms: All sandboxes as they are.
    func items(vms: [SandboxInfo], volumes: [VolumeInfo]) throws -> [DiskUsage.Item] {
        let plans = activePlans(vms)
        var items: [DiskUsage.Item] = []
        for directory in images.imageDirectories() {
            let users = try images.users(of: directory)
            // A VM that does not stay has a lock on the directory.
            let isLocked = FileLock.isHeld(directory.path)
            items.append(item(.images, directory.name, directory.path, isInUse: !users.isEmpty || isLocked, users))
        }
        for vm in vms {
            var item = item(.vms, vm.name, sandboxes.directory(vm.id).path, isInUse: !vm.isReclaimable)
            item.id = vm.id
            items.append(item)
        }
        for volume in volumes {
            let directory = sandboxes.volumeDirectory.directory(volume.name)
            items.append(item(.volumes, volume.name, directory, isInUse: !volume.usedBy.isEmpty, volume.usedBy))
        }
        for name in names(in: dataDirectory.releasesPath) where name.hasPrefix("v") {
            let path = "\(dataDirectory.releasesPath)/\(name)"
            let users = plans.filter { $0.plan.contains("\(path)/") }.map(\.vm)
            items.append(item(.vmms, name, path, isInUse: !users.isEmpty, users))
        }
        for cache in caches() {
            let path = "\(dataDirectory.path)/\(cache)"
            let users = plans.filter { $0.plan.contains(path) }.map(\.vm)
            items.append(item(.caches, cache, path, isInUse: !users.isEmpty || isFresh(path), users))
        }
        return items
    }

    /// Files and directories that are made again when they are needed, by their paths in the data directory.
    private func caches() -> [String] {
        let kernels = names(in: dataDirectory.kernelsPath).filter { $0.hasPrefix("vmlinux-") }.map { "kernels/\($0)" }
        let partials = ["images", "firecracker"].flatMap { place in
            names(in: "\(dataDirectory.path)/\(place)/.partial").filter { $0.hasSuffix(".part") }
                .map { "\(place)/.partial/\($0)" }
        }
        // Images that are kept elsewhere are another's, too.
        let litter = names(in: dataDirectory.imagesPath).filter { $0.hasPrefix(".build-") || $0.hasPrefix(".old-") }
            .map { "images/\($0)" }
        return kernels + partials + litter
    }

    private func isFresh(_ path: String) -> Bool {
        guard let status = try? FileStatus(of: path) else { return true }
        return Double(Clock.realtimeNanoseconds) / 1e9 - Double(status.changed) / 1e9 < Self.recently
    }

    /// What the supervisors of VMs that run have been told, in which all files of theirs are named.
    private func activePlans(_ vms: [SandboxInfo]) -> [(vm: String, plan: String)] {
        vms.filter { !$0.isReclaimable }.compactMap { vm in
            (try? File.readText(sandboxes.directory(vm.id).planPath)).map { (vm.name, $0) }
        }
    }

    private func names(in directory: String) -> [String] {
        (try? FileTree.names(at: directory)) ?? []
    }

    private func item(
        _ kind: DiskUsage.Kind, _ name: String, _ path: String, isInUse: Bool, _ users: [String] = []
    ) -> DiskUsage.Item {
        let (size, allocated) = Self.sizes(of: path)
        return DiskUsage.Item(
            kind: kind, name: name, isInUse: isInUse, usedBy: users, size: size, allocated: allocated)
    }

    /// Bytes of a file, or of all files in a directory. What vanishes meanwhile is left out.
    static func sizes(of path: String) -> (size: Int64, allocated: Int64) {
        guard let status = try? FileStatus(of: path, followingLinks: false) else { return (0, 0) }
        guard status.kind == .directory else { return (status.size, status.allocated) }
        return ((try? FileTree.names(at: path)) ?? []).reduce((0, status.allocated)) { sum, name in
            let own = sizes(of: "\(path)/\(name)")
            return (sum.0 + own.size, sum.1 + own.allocated)
        }
    }
}

extension SandboxInfo {
    /// One that was made less long ago, in seconds, may be about to be started by its maker.
    private static let startsWithin: Double = 60

    /// Whether it is removed by ``SmartVM/prune(_:)``.
    var isReclaimable: Bool {
        switch state {
        case .exited: true
        case .created:
            Timestamp(createdAt).map {
                Double(Clock.realtimeNanoseconds) - Double($0.nanoseconds) > Self.startsWithin * 1e9
            }
                ?? false
        default: false
        }
    }
}
