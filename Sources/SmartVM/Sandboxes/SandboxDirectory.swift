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
        guard let bytes = stateBytes(),
            let state = try? LifeState(decoding: bytes, skipsUnknownFields: true),
            state.generation == UInt64(clamping: generation)
        else { return nil }
        return state
    }

    /// What its supervisors have written down of what happened, the oldest first. The oldest may be gone.
    var events: [LifeEvent] {
        var events: [LifeEvent] = []
        for path in ["\(eventsPath).1", eventsPath] {
            let bytes = (try? File.read(path, limit: 1 << 20)) ?? []
            for line in bytes.split(separator: 0x0a) {
                // A crash may have cut one.
                if let event = try? LifeEvent(decoding: Array(line), skipsUnknownFields: true) { events.append(event) }
            }
        }
        return events
    }

    var eventsPath: String { "\(path)/\(LifeEvent.fileName)" }

    /// What two readings agree on: see ``LifeState/fileBytes``.
    private func stateBytes() -> [UInt8]? {
        let file = "\(path)/\(LifeState.fileName)"
        guard var bytes = try? File.read(file, limit: 1 << 20) else { return nil }
        for _ in 0..<100 {
            guard let again = try? File.read(file, limit: 1 << 20) else { return nil }
            if again == bytes { return bytes }
            bytes = again
        }
        return nil
    }

    /// Removes everything; the lock's file goes last. Whoever waited for the lock may make that file anew, and with it the directory's removal
    /// becomes its own task.
    func remove() throws(SmartVMError) {
        do throws(Errno) {
            for name in try FileTree.names(at: path) where "\(path)/\(name)" != lockPath {
                try FileTree.removeAll("\(path)/\(name)")
            }
            try FileTree.removeAll(lockPath)
            try FileTree.removeEmptyDirectory(path)
        } catch .noSuchFile, .notEmpty {
            return
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The directory \(path) cannot be removed: \(error).", underlying: error)
        }
    }

    /// The last lines of the console, for an error message.
    func closingLines(_ number: Int) -> String {
        closingLines(number, of: consolePath, named: "console")
    }

    /// The last lines of a file, for an error message.
    ///
    /// - Parameter name: What is printed there.
    func closingLines(_ number: Int, of path: String, named name: String) -> String {
        let size = (try? FileStatus(of: path).size) ?? 0
        let bytes = try? Descriptor.open(path, 0).read(at: max(0, Int(size) - 32 << 10), upTo: 32 << 10)
        let lines = Console.printable(bytes ?? []).suffix(number).map { "\n  \($0)" }.joined()
        return lines.isEmpty ? "\nThere is nothing in its \(name)." : "\nThe last lines of its \(name):" + lines
    }
}

/// The right to change a sandbox, until it goes away or its process ends.
final class SandboxLock: Sendable {
    private let lock: FileLock

    init(_ lock: consuming FileLock) {
        self.lock = lock
    }
}
