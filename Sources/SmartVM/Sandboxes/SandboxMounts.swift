internal import FirecrackerAPI
internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// The file systems beside its root that a guest mounts in one life: volumes, and copies of directories of the host.
struct SandboxMounts: Sendable {
    private struct Entry {
        var file: String
        var path: String
        var isReadOnly: Bool
        /// Whether what the guest has flushed is to be on the host's disk.
        var isKept: Bool
    }

    private var entries: [Entry] = []
    /// The rights to the volumes' files.
    private(set) var uses: [VolumeUse] = []

    /// Makes what is missing, and takes what is to be one VM's alone.
    ///
    /// - Throws: `VOLUME_IN_USE`, `INVALID_FILE`, and what making a file system throws. What was made for this life alone goes with it.
    init(_ config: SandboxConfig, of record: VMRecord, in manager: SandboxManager) async throws {
        for volume in config.volumes {
            if !volume.isFile { try await manager.ensureVolume(volume.source) }
            let (path, use) = try await BlockingWork.run { try manager.take(volume, for: record) }
            entries.append(Entry(file: path, path: volume.path, isReadOnly: volume.isReadOnly, isKept: true))
            uses.append(use)
        }
        let directory = manager.directory(record.id)
        if !config.copyIns.isEmpty {
            try await BlockingWork.run { try DataDirectory.make(directory.copyInPath) }
        }
        for (index, copy) in config.copyIns.enumerated() {
            let path = "\(directory.copyInPath)/\(index).ext4"
            try await CopyInImage(directory: copy.directory).make(at: path)
            entries.append(Entry(file: path, path: copy.path, isReadOnly: false, isKept: false))
        }
    }

    /// Puts them behind the other drives.
    ///
    /// - Returns: Where the guest finds them, those that lie in others after these.
    func addDrives(to boot: inout BootPlan) throws(SmartVMError) -> [GuestDescription.Mount] {
        var mounts: [GuestDescription.Mount] = []
        for (index, entry) in entries.enumerated() {
            let device = try boot.nextDevice()
            boot.drives.append(
                Drive(
                    driveId: boot.freeDriveID("volume\(index)"), isRootDevice: false,
                    cacheType: entry.isKept ? .writeback : .unsafe, isReadOnly: entry.isReadOnly, pathOnHost: entry.file
                ))
            mounts.append(GuestDescription.Mount(device: device, path: entry.path, isReadOnly: entry.isReadOnly))
        }
        return mounts.sorted { $0.path < $1.path }
    }
}

extension BootPlan {
    /// What the guest will call the drive that is added next.
    func nextDevice() throws(SmartVMError) -> String {
        guard drives.count < 26, let letter = UnicodeScalar(UInt32(97 + drives.count)) else {
            throw SmartVMError(.invalidConfiguration, "A sandbox has at most 26 drives, volumes and copies included.")
        }
        return "/dev/vd\(Character(letter))"
    }

    /// A name for a drive that no other has.
    func freeDriveID(_ wanted: String) -> String {
        var id = wanted
        while drives.contains(where: { $0.driveId == id }) { id += "_" }
        return id
    }
}

extension SandboxManager {
    /// Takes the right to use a volume for a VM that is being started. Blocks the thread.
    ///
    /// - Returns: The volume's file, and the right to it.
    fileprivate func take(_ volume: SandboxVolume, for record: VMRecord) throws -> (String, VolumeUse) {
        let path = volume.isFile ? volume.source : volumeDirectory.diskPath(volume.source)
        let others = try store.vms(excludingUseOfVolume: volume.source, isReadOnly: volume.isReadOnly)
            .filter { $0.id != record.id }
        // Where a supervisor was killed this ends its VMM first, which might still write.
        for other in others where other.phase == .active {
            guard let info = try presentInfo(other), info.state.isActive else { continue }
            throw volume.inUse("the VM \(info.name) has it", cure: "Stop that one first: smartvm stop \(info.name)")
        }
        try volume.checkFile(path)
        do throws(Errno) {
            return (path, try VolumeUse(path, isReadOnly: volume.isReadOnly))
        } catch .wouldBlock {
            let names = others.map(\.name).joined(separator: ", ")
            throw volume.inUse(
                names.isEmpty ? "another process has it" : "one of \(names) is being started with it",
                cure: "See who has it open: fuser -v \(path)")
        } catch {
            throw volume.volumeUnusable(path, error)
        }
    }
}

extension SandboxVolume {
    fileprivate func inUse(_ why: String, cure: String) -> SmartVMError {
        SmartVMError(
            .volumeInUse, "The volume \(source) cannot be mounted \(isReadOnly ? "read-only" : "writable"): \(why).",
            cure: cure)
    }

    fileprivate func volumeUnusable(_ path: String, _ error: Errno) -> SmartVMError {
        SmartVMError(
            .invalidFile, "The volume \(source) cannot be used: \(path): \(error).",
            cure: [.permissionDenied, .readOnlyFileSystem].contains(error) && !isReadOnly
                ? "Make the file writable, or mount it read-only: \(source):\(path):ro" : nil,
            underlying: error)
    }

    /// Looks whether the file holds a file system that guests can mount.
    ///
    /// - Throws: `INVALID_FILE`.
    func checkFile(_ file: String) throws(SmartVMError) {
        let kind: FileStatus.Kind
        do throws(Errno) { kind = try FileStatus(of: file).kind } catch { throw volumeUnusable(file, error) }
        guard kind != .directory else {
            throw SmartVMError(
                .invalidFile, "The volume \(source) is a directory.",
                cure: "Give the guest a copy of it: --copy-in \(source):\(path)")
        }
        _ = try RootFileSystem.check(file, as: .volume)
    }
}
