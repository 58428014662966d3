internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// Volumes: file systems that outlive sandboxes, each a sparse file `volumes/NAME/disk.ext4` of the data directory.
///
/// A volume's row is written before its directory is made and goes after it; `state` tells whoever finds it which of the two was cut
/// short. Who is made with a volume stands in rows beside the sandbox's own, in the same transactions; who *has* it is told by a lock on
/// the file, which the sandbox's supervisor inherits.
extension SandboxManager {
    /// The size of a volume for which none is given, in bytes: 10 GiB. The file is sparse; it takes what is written.
    public static let defaultVolumeSize: Int64 = 10 << 30

    var volumeDirectory: VolumeDirectory { VolumeDirectory(host.dataDirectory) }

    /// Makes a volume.
    ///
    /// - Parameters:
    ///   - name: Letters, digits, dots, dashes and underscores, at most 63.
    ///   - size: Bytes, at least 16 MiB.
    /// - Throws: `NAME_IN_USE`; `INVALID_CONFIG`; `PROGRAM_NOT_FOUND` if there is no `mke2fs`; `NO_SPACE`,
    ///   `DATA_DIRECTORY_UNUSABLE`, `STORE_UNUSABLE`.
    @discardableResult
    public func createVolume(_ name: String, size: Int64 = defaultVolumeSize) async throws -> VolumeInfo {
        guard try await ensureVolume(name, size: size) else {
            throw SmartVMError(
                .nameInUse, "There is a volume \(name) already.",
                cure: "Use it, choose another name, or remove it: smartvm volume rm \(name)")
        }
        return try await volume(name)
    }

    /// All volumes, by name.
    public func volumes() async throws -> [VolumeInfo] {
        let (store, directory) = (store, volumeDirectory)
        return try await BlockingWork.run {
            try store.volumes().filter { $0.state == .ready }.map { try Self.info($0, store, directory) }
        }
    }

    /// A volume.
    ///
    /// - Throws: `NO_SUCH_VOLUME`.
    public func volume(_ name: String) async throws -> VolumeInfo {
        let (store, directory) = (store, volumeDirectory)
        return try await BlockingWork.run {
            guard let record = try store.volume(name), record.state == .ready else {
                throw SmartVMError.noSuchVolume(name)
            }
            return try Self.info(record, store, directory)
        }
    }

    private static func info(
        _ record: VolumeRecord, _ store: Store, _ directory: VolumeDirectory
    ) throws(SmartVMError) -> VolumeInfo {
        let path = directory.diskPath(record.name)
        return VolumeInfo(
            name: record.name, path: path, size: record.size, allocated: (try? FileStatus(of: path).allocated) ?? 0,
            createdAt: Timestamp(nanoseconds: UInt64(clamping: record.createdAt)).text,
            usedBy: try store.vmNames(usingVolume: record.name))
    }

    /// Removes a volume with all that is in it.
    ///
    /// - Throws: `VOLUME_IN_USE` with the names of the sandboxes that are made with it, whether they run or not; `NO_SUCH_VOLUME`.
    public func removeVolume(_ name: String) async throws {
        let (store, directory) = (store, volumeDirectory)
        try await BlockingWork.run {
            let lock = try directory.lock()
            defer { withExtendedLifetime(lock) {} }
            guard try store.volume(name) != nil else { throw SmartVMError.noSuchVolume(name) }
            let users = try store.beginRemoval(ofVolume: name)
            guard users.isEmpty else {
                throw SmartVMError(
                    .volumeInUse, "The volume \(name) is used by \(users.joined(separator: ", ")).",
                    cure: "Remove what uses it first: smartvm rm \(users.joined(separator: " "))")
            }
            try directory.remove(name)
            try store.delete(volume: name)
        }
    }

    /// Removes the volumes that no sandbox is made with.
    ///
    /// - Returns: Those that were removed, as they were.
    public func pruneVolumes() async throws -> [VolumeInfo] {
        var removed: [VolumeInfo] = []
        for volume in try await volumes() where volume.usedBy.isEmpty {
            do {
                try await removeVolume(volume.name)
                removed.append(volume)
            } catch let error as SmartVMError where [.volumeInUse, .noSuchVolume].contains(error.code) {
                // Somebody was faster.
            }
        }
        return removed
    }

    /// Makes a volume unless it is there. One that the database has lost is there, too.
    ///
    /// - Returns: Whether it was made.
    @discardableResult
    func ensureVolume(_ name: String, size: Int64 = defaultVolumeSize) async throws -> Bool {
        try VolumeDirectory.check(name)
        guard (SparseDisk.minimumSize...1 << 44).contains(size) else {
            throw SmartVMError(
                .invalidConfiguration, "A volume cannot have \(size) bytes.",
                cure: "Give it at least \(SparseDisk.minimumSize >> 20) MiB, and at most 16 TiB.")
        }
        let (store, directory) = (store, volumeDirectory)
        if try await BlockingWork.run({ try store.volume(name)?.state == .ready }) { return false }
        let lock = try await BlockingWork.wait { try directory.lock() }
        defer { withExtendedLifetime(lock) {} }
        var record = VolumeRecord(
            name: name, state: .creating, size: size, createdAt: Int64(clamping: Clock.realtimeNanoseconds))
        let isThere = try await BlockingWork.run { [self, record] in
            if let found = try store.volume(name) {
                if found.state == .ready { return true }
                // Its making or its removal was cut short.
                try directory.remove(name)
            } else if try takeIn(volume: name) {
                return true
            }
            try store.write(record)
            return false
        }
        if isThere { return false }
        do {
            try await BlockingWork.run { try DataDirectory.make(directory.directory(name)) }
            try await SparseDisk(path: directory.diskPath(name)).make(size: size)
            record.state = .ready
            try await BlockingWork.run { [record] in try store.write(record) }
        } catch {
            await BlockingWork.run {
                // There was none before, and nobody can have it yet.
                try? FileTree.remove(directory.diskPath(name))
                directory.removeEmpty(name)
                try? store.delete(volume: name)
            }
            throw error
        }
        return true
    }

    /// Makes a row for a volume whose disk is there: the database was lost, or its newest rows with its journal, and the disk may be all
    /// that there is of somebody's work. Blocks the thread; the caller has the lock, and has seen that there is no row.
    ///
    /// - Returns: Whether there is a disk.
    /// - Throws: `INVALID_FILE` if it holds nothing that guests can mount; it is left as it is.
    private func takeIn(volume name: String) throws -> Bool {
        let path = volumeDirectory.diskPath(name)
        let status: FileStatus
        do throws(Errno) {
            status = try FileStatus(of: path)
        } catch .noSuchFile {
            return false
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The volume \(path) cannot be looked at: \(error).", underlying: error)
        }
        do {
            _ = try RootFileSystem.check(path, as: .volume)
        } catch {
            throw SmartVMError(
                error.code,
                "The database does not know the volume \(name), and its file is not usable: \(error.message)",
                cure: "Mend it, or move it away: \(path)", underlying: error)
        }
        try store.write(VolumeRecord(name: name, state: .ready, size: status.size, createdAt: status.changed))
        return true
    }

    /// Finishes makings and removals that were cut short, and takes in volumes that the database has lost. Blocks the thread.
    ///
    /// - Parameter problems: Takes up what keeps a volume from being put right; the rest goes on.
    /// - Returns: What was done, a sentence each.
    func reconcileVolumes(_ problems: inout [SmartVMError]) throws -> [String] {
        let directory = volumeDirectory
        guard FileTree.exists(directory.path) else { return [] }
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        var done: [String] = []
        let known = try store.volumes()
        for record in known where record.state != .ready {
            do {
                try directory.remove(record.name)
                try store.delete(volume: record.name)
                done.append("volume \(record.name): removed what was left of it")
            } catch {
                problems.append(error)
            }
        }
        let names = Set(known.map(\.name))
        for name in (try? FileTree.names(at: directory.path)) ?? [] where !names.contains(name) {
            // Nothing that has no such name is a volume.
            guard (try? VolumeDirectory.check(name)) != nil else { continue }
            do {
                if try takeIn(volume: name) {
                    done.append("volume \(name): taken in again")
                } else {
                    directory.removeEmpty(name)
                }
            } catch let error as SmartVMError {
                problems.append(error)
            }
        }
        return done
    }
}
