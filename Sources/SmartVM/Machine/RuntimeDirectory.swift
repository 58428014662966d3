internal import FirecrackerClient
internal import Glibc
internal import Linux

/// The directory of one running VM: its sockets, its console, and the record of who it is.
///
/// Theory of operation. A VM that lives no longer than its owner needs no daemon and no database to be taken back after a crash.
/// Everything that it makes on the host is either inside this directory or a process whose identity stands in it *before* the
/// process runs. The owner holds a lock on `owner.lock` for as long as it lives; the kernel drops that lock when the owner is killed,
/// at whatever instruction. So a directory whose lock can be taken is nobody's: any later command ends the process that it names
/// and removes it (``RuntimeDirectories/reclaimAbandoned()``).
final class RuntimeDirectory: Sendable {
    let path: String
    private let lock: FileLock

    /// Socket of the VMM's API.
    var apiSocketPath: String { "\(path)/api.sock" }
    /// The host's end of the guest's vsock; the VMM binds it.
    var vsockPath: String { "\(path)/vsock.sock" }
    /// What the guest's serial console and the VMM print.
    var consolePath: String { "\(path)/console.log" }
    var logPath: String { "\(path)/vmm.log" }

    /// Where a connection of the guest to `port` of the host arrives: Firecracker's convention.
    func guestInitiatedSocketPath(port: UInt32) -> String { "\(vsockPath)_\(port)" }

    fileprivate init(path: String, lock: consuming FileLock) {
        self.path = path
        self.lock = lock
    }

    /// The lock as a descriptor: a process that is given a copy owns the directory for as long as it lives, too.
    var lockDescriptor: Int32 { lock.descriptor.rawValue }

    /// Writes down, durably for other processes, which process is the VM's.
    func writeDown(_ process: ProcessIdentity) throws(Errno) {
        try File.replace("\(path)/process", with: Array(process.line.utf8))
    }

    /// Writes down which process is the supervisor of the VM, for those who find no row of it.
    func writeDown(supervisor: ProcessIdentity) throws(Errno) {
        try File.replace("\(path)/\(RuntimeDirectories.supervisorName)", with: Array(supervisor.line.utf8))
    }

    /// Writes down sockets that the VM will have outside of the directory, before they are made: they are removed with it.
    func writeDown(sockets: [String]) throws(Errno) {
        try File.replace("\(path)/\(Self.socketsName)", with: Array(sockets.map { "\($0)\n" }.joined().utf8))
    }

    /// Removes the directory and all that is in it. The lock lasts as long as this value.
    func remove() {
        Self.removeTree(path)
    }

    private static let socketsName = "sockets"

    /// Removes sockets; anything else that is there meanwhile is not this VM's.
    private static func removeSockets(writtenIn path: String) {
        guard let text = try? File.readText("\(path)/\(socketsName)") else { return }
        for socket in text.split(separator: "\n").map(String.init)
        where (try? FileTree.attributes(of: socket, followLinks: false))?.isSocket == true {
            unlink(socket)
        }
    }

    fileprivate static func recordedProcess(in path: String) -> ProcessIdentity? {
        (try? File.readText("\(path)/process")).flatMap { ProcessIdentity(line: $0) }
    }

    /// The directory holds files and sockets, no directories; the lock's file goes last so that an interrupted removal is seen
    /// again.
    fileprivate static func removeTree(_ path: String) {
        // What is left of a jail is found again only by what stands here.
        if let jail = JailRecord(in: path), !jail.remove() { return }
        removeSockets(writtenIn: path)
        for name in (try? FileTree.names(at: path)) ?? [] where name != RuntimeDirectories.ownerLockName {
            unlink("\(path)/\(name)")
        }
        unlink("\(path)/\(RuntimeDirectories.ownerLockName)")
        rmdir(path)
    }
}

/// All runtime directories of one data directory.
struct RuntimeDirectories: Sendable {
    static let ownerLockName = "owner.lock"
    fileprivate static let supervisorName = "supervisor"

    /// `<data directory>/run`.
    let path: String

    init(dataDirectory: String) {
        path = "\(dataDirectory)/run"
    }

    /// Makes the directory of a new VM and takes its lock.
    ///
    /// Between making a directory and locking it, it would look abandoned: both happen under `run/.lock`, which is also held while
    /// abandoned directories are looked for.
    func create(_ id: String) throws(SmartVMError) -> RuntimeDirectory {
        let directory = "\(path)/\(id)"
        // The longest socket path that will be made in it.
        let longest = "\(directory)/vsock.sock_4294967295"
        guard longest.utf8.count <= UnixSocket.maximumPathLength else {
            throw SmartVMError(
                .invalidConfiguration,
                "The sockets of VM \(id) would have paths of \(longest.utf8.count) bytes in \(path); Linux allows "
                    + "\(UnixSocket.maximumPathLength).",
                cure: "Set SMARTVM_DATA_DIR to a shorter path, or use a shorter name.")
        }
        do throws(Errno) {
            try FileTree.makeDirectories(path, mode: 0o700)
            let creation = try FileLock("\(path)/.lock", wait: true)
            defer { withExtendedLifetime(creation) {} }
            do throws(Errno) {
                try systemCall { mkdir(directory, 0o700) }
            } catch .fileExists {
                // Somebody's, or nobody's: only the lock tells.
                guard let abandoned = try? FileLock("\(directory)/\(Self.ownerLockName)") else { throw .fileExists }
                Self.reclaim(directory, lock: abandoned)
                try systemCall { mkdir(directory, 0o700) }
            }
            let lock = try FileLock("\(directory)/\(Self.ownerLockName)")
            return RuntimeDirectory(path: directory, lock: lock)
        } catch .fileExists {
            throw SmartVMError(
                .nameInUse, "A VM with the name \(id) is running.",
                cure: "Choose another --name, or stop the one that has it.")
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The runtime directory \(directory) cannot be made: \(error).",
                cure: "Set SMARTVM_DATA_DIR to a directory that you can write to.", underlying: error)
        }
    }

    /// Ends what owners that were killed have left, and removes their directories. Blocks the thread while processes end.
    ///
    /// - Returns: The names of the VMs that were taken back.
    @discardableResult
    func reclaimAbandoned() -> [String] {
        var reclaimed: [String] = []
        for name in ((try? FileTree.names(at: path)) ?? []) where name != ".lock" {
            let directory = "\(path)/\(name)"
            guard let owner = abandonedLock(of: directory) else { continue }
            // Processes may take seconds to end; meanwhile the owner's lock keeps others away, and new VMs can be made.
            Self.endProcesses(of: directory)
            guard let creation = try? FileLock("\(path)/.lock", wait: true) else { continue }
            RuntimeDirectory.removeTree(directory)
            withExtendedLifetime(creation) {}
            withExtendedLifetime(owner) {}
            reclaimed.append(name)
        }
        return reclaimed
    }

    /// Ends what the owner of one directory has left and removes it. Blocks the thread while processes end.
    ///
    /// - Returns: False if the directory has an owner.
    func reclaim(_ id: String) -> Bool {
        let directory = "\(path)/\(id)"
        guard FileTree.exists(directory) else { return true }
        guard let owner = abandonedLock(of: directory) else { return !FileTree.exists(directory) }
        Self.endProcesses(of: directory)
        guard let creation = try? FileLock("\(path)/.lock", wait: true) else { return false }
        RuntimeDirectory.removeTree(directory)
        withExtendedLifetime(creation) {}
        withExtendedLifetime(owner) {}
        return true
    }

    /// The supervisor that was made for the VM of a runtime directory.
    static func recordedSupervisor(in directory: String) -> ProcessIdentity? {
        (try? File.readText("\(directory)/\(supervisorName)")).flatMap { ProcessIdentity(line: $0) }
    }

    /// The lock of a directory that nobody owns; nil if it has an owner.
    private func abandonedLock(of directory: String) -> FileLock? {
        guard let creation = try? FileLock("\(path)/.lock", wait: true) else { return nil }
        defer { withExtendedLifetime(creation) {} }
        return try? FileLock("\(directory)/\(Self.ownerLockName)")
    }

    private static func reclaim(_ directory: String, lock: consuming FileLock) {
        endProcesses(of: directory)
        RuntimeDirectory.removeTree(directory)
    }

    private static func endProcesses(of directory: String) {
        guard let identity = RuntimeDirectory.recordedProcess(in: directory) else { return }
        ProcessSession.kill(leader: identity, grace: .zero)
    }
}
