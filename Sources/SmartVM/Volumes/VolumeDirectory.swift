internal import FirecrackerClient
internal import Linux

/// The volumes' place in the data directory: `volumes/NAME/disk.ext4`.
struct VolumeDirectory: Sendable {
    /// `<data directory>/volumes`.
    let path: String

    init(_ dataDirectory: DataDirectory) {
        path = "\(dataDirectory.path)/volumes"
    }

    func directory(_ name: String) -> String { "\(path)/\(name)" }
    func diskPath(_ name: String) -> String { "\(path)/\(name)/disk.ext4" }

    /// Whoever makes or removes a volume has this lock; that takes a moment, so there is one for all. Blocks the thread.
    func lock() throws(SmartVMError) -> VolumeLock {
        try DataDirectory.make(path)
        do throws(Errno) {
            return VolumeLock(try FileLock("\(path)/.lock", wait: true))
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The lock \(path)/.lock cannot be taken: \(error).",
                cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
        }
    }

    func remove(_ name: String) throws(SmartVMError) {
        do throws(Errno) {
            try FileTree.removeAll(directory(name))
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The volume \(directory(name)) cannot be removed: \(error).", underlying: error)
        }
    }

    /// Removes a directory in which there is no disk, unless there is something else in it that nobody here has made.
    func removeEmpty(_ name: String) {
        try? FileTree.remove("\(diskPath(name)).new")
        try? FileTree.removeDirectory(directory(name))
    }

    /// - Throws: `INVALID_CONFIG` if it cannot name a volume.
    static func check(_ name: String) throws(SmartVMError) {
        guard ResourceName.isWellFormed(name) else {
            throw SmartVMError(
                .invalidConfiguration, "'\(name)' is not a name of a volume.",
                cure:
                    "Names have 1 to 63 letters, digits, dots, dashes and underscores; a file is given with a slash: ./\(name)"
            )
        }
    }
}

/// The right to make and remove volumes, until it goes away or its process ends.
final class VolumeLock: Sendable {
    private let lock: FileLock

    init(_ lock: consuming FileLock) {
        self.lock = lock
    }
}

/// The right of a VM to use the file of a volume: alone if it writes. A process that is given a copy of the descriptor has it too, and
/// the kernel takes it back from those that are killed.
final class VolumeUse: Sendable {
    private let lock: FileLock

    var lockDescriptor: Int32 { lock.descriptor.rawValue }

    /// - Throws: `wouldBlock` if somebody else has it in a way that excludes this.
    init(_ path: String, isReadOnly: Bool) throws(Errno) {
        lock = try FileLock(existing: path, isReadOnly ? .shared : .exclusive)
    }
}
