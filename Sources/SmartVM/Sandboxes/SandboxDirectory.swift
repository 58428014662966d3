internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// What a sandbox keeps on the host while it exists: plan, state, logs, its disk, and the lock that commands take turns by.
struct SandboxDirectory: Sendable {
    let path: String

    init(_ id: String, in dataDirectory: DataDirectory) {
        path = "\(dataDirectory.path)/vms/\(id)"
    }

    var planPath: String { "\(path)/\(SupervisorPlan.fileName)" }
    var diskPath: String { "\(path)/disk.ext4" }
    /// Images of directories of the host, of one life.
    var copyInPath: String { "\(path)/copy-in" }
    /// What the command prints.
    var outputPath: String { "\(path)/output.log" }
    /// What the guest's serial console and the VMM print.
    var consolePath: String { "\(path)/console.log" }
    var supervisorLogPath: String { "\(path)/supervisor.log" }
    private var lockPath: String { "\(path)/lock" }

    /// Makes the directory if it is missing and waits for its lock. Blocks the thread.
    ///
    /// - Throws: `DATA_DIRECTORY_UNUSABLE`, `NO_SPACE`.
    func lock() throws(SmartVMError) -> SandboxLock {
        while true {
            try DataDirectory.make(path)
            do throws(Errno) {
                let lock = try FileLock(lockPath, wait: true)
                // Who had it before may have removed the directory.
                if lock.isInPlace(lockPath) { return SandboxLock(lock) }
            } catch .noSuchFile {
                continue
            } catch {
                throw SmartVMError(
                    .dataDirectoryUnusable, "The lock \(lockPath) cannot be taken: \(error).",
                    cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
            }
        }
    }

    /// The lock if nobody has it now. Makes the directory if it is missing: a process may have been killed before it did.
    func lockIfFree() -> SandboxLock? {
        guard (try? DataDirectory.make(path)) != nil, let lock = try? FileLock(lockPath), lock.isInPlace(lockPath)
        else { return nil }
        return SandboxLock(lock)
    }

    /// What the supervisor of this life has written down last.
    func state(of generation: Int64) -> LifeState? {
        guard let bytes = try? File.read("\(path)/\(LifeState.fileName)"),
            let state = try? LifeState(decoding: bytes, skipsUnknownFields: true),
            state.generation == UInt64(clamping: generation)
        else { return nil }
        return state
    }

    /// Removes the images of directories of the host. What cannot be removed goes with the rest, or next time.
    func removeCopies() {
        try? FileTree.removeAll(copyInPath)
    }

    /// Removes everything; the lock's file goes with it.
    func remove() throws(SmartVMError) {
        do throws(Errno) {
            try FileTree.removeAll(path)
        } catch .noSuchFile {
            return
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The directory \(path) cannot be removed: \(error).", underlying: error)
        }
    }

    /// The last lines of the console, for an error message.
    func closingLines(_ number: Int) -> String {
        guard let size = try? FileStatus(of: consolePath).size, size > 0,
            let file = try? Descriptor.open(consolePath, 0),
            let bytes = try? file.read(at: max(0, Int(size) - 32 << 10), upTo: 32 << 10)
        else { return "\nIts console is empty." }
        let lines = Console.printable(bytes).suffix(number).map { "\n  \($0)" }.joined()
        return lines.isEmpty ? "\nIts console is empty." : "\nThe last lines of its console:" + lines
    }
}

/// The right to change a sandbox, until it goes away or its process ends.
final class SandboxLock: Sendable {
    private let lock: FileLock

    init(_ lock: consuming FileLock) {
        self.lock = lock
    }
}
