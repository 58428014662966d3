internal import FirecrackerClient
internal import FoundationEssentials
internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// Makes, finds and lists VMs that outlive the process that made them: see ``Sandbox``.
///
/// Theory of operation. There is no daemon. What must be found again stands in the database of the data directory: a row for each
/// sandbox, committed before the effect that it announces and removed after the effect has been undone. While a sandbox runs, a
/// process of its own, the supervisor, is the parent of its VMM; the row names it by pid, start time and boot of the host. So what a
/// row says can be checked: where the named process lives, the state that it has written down is true; where it does not, the sandbox
/// has ended, and whoever looks first takes back what is left and writes down how it ended. Several processes may do all of
/// this at once: a lock for each sandbox lets them take turns, and the kernel drops it when its holder is killed.
public final class SandboxManager: Sendable {
    let host: MicroVMHost
    let store: Store
    let networks: GuestNetworks
    let step: @Sendable (SandboxStep) -> Void

    /// - Parameter step: Called after each effect.
    init(_ host: MicroVMHost, step: @escaping @Sendable (SandboxStep) -> Void = SandboxFault.step) {
        self.host = host
        self.step = step
        store = Store(path: "\(host.dataDirectory.path)/smartvm.db")
        networks = GuestNetworks(host.networkManager.options, store: store, dataDirectory: host.dataDirectory.path)
    }

    /// Makes a sandbox, which does not run yet: a row in the database, a directory, and its disk if it is to have one.
    ///
    /// - Throws: `INVALID_CONFIG` with all that is wrong; `NAME_IN_USE`; `PROGRAM_NOT_FOUND` if a disk is wanted and there is no `mke2fs`;
    ///   `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`, `STORE_UNUSABLE`.
    public func create(_ config: SandboxConfig) async throws -> Sandbox {
        var config = config
        let id = GuestIdentity.randomHexadecimal(bytes: 6)
        let name = config.vm.id ?? "vm-" + GuestIdentity.randomHexadecimal(bytes: 5)
        config.vm.id = name
        try Self.check(config, hasJailer: host.jailer != nil)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let record = VMRecord(
            id: id, name: name, phase: .creating, owner: try ProcessIdentity(of: getpid()),
            config: String(decoding: try encoder.encode(config), as: UTF8.self), image: config.vm.image ?? "",
            command: config.command?.arguments.joined(separator: " ") ?? "",
            machineID: GuestIdentity.randomHexadecimal(bytes: 16), createdAt: Int64(clamping: Clock.realtimeNanoseconds)
        )
        let store = store
        let directory = SandboxDirectory(id, in: host.dataDirectory)
        let named = config.networks ?? []
        try await BlockingWork.run { try store.insert(record, networks: named) }
        step(.recordWritten)
        do {
            let lock = try await BlockingWork.run { try directory.lock() }
            defer { withExtendedLifetime(lock) {} }
            step(.directoryMade)
            if let size = config.diskSize {
                try await SandboxDisk(path: directory.diskPath).make(size: size)
                step(.diskMade)
            }
            try await BlockingWork.run {
                _ = try store.update(vm: id) { record in
                    record.phase = .idle
                    record.owner = nil
                }
            }
        } catch {
            await BlockingWork.run {
                try? directory.remove()
                try? store.delete(vm: id)
            }
            throw error
        }
        step(.created)
        return Sandbox(id: id, manager: self)
    }

    private static func check(_ config: SandboxConfig, hasJailer: Bool) throws(SmartVMError) {
        try config.vm.requireValid()
        _ = try config.command?.request()
        if hasJailer {
            throw SmartVMError(
                .invalidConfiguration, "Sandboxes are not jailed yet.", cure: "Leave the jailer out of the options.")
        }
        try config.checkNetworks()
        if let path = config.vm.vsock?.udsPath {
            throw SmartVMError(
                .invalidConfiguration, "A sandbox has its vsock socket in a directory of its own, not at \(path).",
                cure: "Leave vsock.udsPath out.")
        }
        if let size = config.diskSize {
            guard size >= SandboxDisk.minimumSize else {
                throw SmartVMError(
                    .invalidConfiguration, "A disk of \(size) bytes is too small.",
                    cure: "Give it at least \(SandboxDisk.minimumSize >> 20) MiB.")
            }
            guard config.vm.bootSource?.bootArgs == nil else {
                throw SmartVMError(
                    .invalidConfiguration, "A sandbox with a disk needs the image's kernel arguments.",
                    cure: "Leave bootSource.bootArgs out, or the disk.")
            }
        }
    }

    /// The sandbox of this name, or the one whose id begins so.
    ///
    /// - Throws: `NO_SUCH_VM`, also if the beginning is that of several.
    public func get(_ nameOrID: String) async throws -> Sandbox {
        let store = store
        let records = try await BlockingWork.run { try store.vms(meantBy: nameOrID) }
        guard let record = records.first else { throw SmartVMError.noSuchVM(nameOrID) }
        _ = try? await networks.takeBack(record.id)
        guard records.count == 1 else {
            throw SmartVMError(
                .noSuchVM, "Several VMs have ids that begin with \(nameOrID).", cure: "Give more of it, or the name.")
        }
        // A making or removing that was cut short is finished now.
        guard try await BlockingWork.run({ [self] in try presentInfo(record) }) != nil else {
            throw SmartVMError.noSuchVM(nameOrID)
        }
        return Sandbox(id: record.id, manager: self)
    }

    /// All sandboxes, the newest first.
    ///
    /// - Parameter all: Whether those that do not run are among them. Default: only those that do.
    public func list(all: Bool = false) async throws -> [SandboxInfo] {
        _ = try? await networks.takeBack()
        let infos = try await BlockingWork.run { [self] in
            let records = try store.vms()
            let connections = try store.vmConnections()
            return try records.compactMap { try presentInfo($0, connections[$0.id]) }
        }
        return all ? infos : infos.filter { $0.state.isActive }
    }

    /// Takes back whatever killed processes have left of sandboxes, running and other VMs, and networks. All commands do that for what they
    /// touch; this does it for everything.
    ///
    /// - Returns: What was done, a sentence each.
    public func reconcile() async throws -> [String] {
        let done = try await BlockingWork.run { [self] in
            var done: [String] = []
            for record in try store.vms() {
                guard needsReconciling(record), let lock = directory(record.id).lockIfFree() else { continue }
                defer { withExtendedLifetime(lock) {} }
                if let now = try reconcile(record.id) {
                    guard record.phase != .idle else {
                        done.append("\(record.name): removed what a killed start had left")
                        continue
                    }
                    done.append("\(record.name): ended: \(now.error ?? "status \(now.exitStatus ?? 0)")")
                } else {
                    try directory(record.id).remove()
                    done.append("\(record.name): removed what was left of it")
                }
            }
            return try done + removeStrayDirectories()
        }
        let directories = host.directories
        let names = try await BlockingWork.run { directories.reclaimAbandoned() }
        return done + names.map { "\($0): ended what a killed command had left" } + (await reconcileNetworks())
    }

    private func reconcileNetworks() async -> [String] {
        guard host.networkManager.hasRecords else { return [] }
        do {
            return try await networks.reconcile().sentences
        } catch let error as SmartVMError {
            return ["networks: \(error.message)"]
        } catch {
            return ["networks: \(error)"]
        }
    }

    /// Directories whose rows are gone, because their making was cut short, or because the database has lost them. A disk in one of them may
    /// be all that there is of somebody's work, and what runs in one is not nobody's: these stay.
    private func removeStrayDirectories() throws -> [String] {
        var done: [String] = []
        let path = "\(host.dataDirectory.path)/vms"
        for name in (try? FileTree.names(at: path)) ?? [] where try store.vm(name) == nil {
            let stray = directory(name)
            guard let lock = stray.lockIfFree() else { continue }
            defer { withExtendedLifetime(lock) {} }
            // It may have been made while this one was looked at.
            if try store.vm(name) != nil { continue }
            guard !FileTree.exists(stray.diskPath), !FileTree.exists(runtimePath(name)) else {
                done.append("\(name): no VM of this id is known; its disk and files are left in \(stray.path)")
                continue
            }
            try stray.remove()
            done.append("\(name): removed its directory")
        }
        return done
    }
}

// MARK: What is true

extension SandboxManager {
    func directory(_ id: String) -> SandboxDirectory {
        SandboxDirectory(id, in: host.dataDirectory)
    }

    func runtimePath(_ id: String) -> String { "\(host.directories.path)/\(id)" }

    /// Whether a process has ended, or was killed, before it was done with a sandbox.
    private func needsReconciling(_ record: VMRecord) -> Bool {
        switch record.phase {
        // A start that was killed before it wrote a supervisor down.
        case .idle: FileTree.exists(runtimePath(record.id))
        case .creating, .active: record.owner?.open() == nil
        case .removing: true
        }
    }

    /// What a sandbox is now. One whose supervisor has ended is put right first, unless somebody else has its lock and does it.
    ///
    /// - Returns: nil if it is no more.
    func presentInfo(_ record: VMRecord, _ connection: ConnectionRecord? = nil) throws -> SandboxInfo? {
        var record = record
        if needsReconciling(record), let lock = directory(record.id).lockIfFree() {
            defer { withExtendedLifetime(lock) {} }
            guard let now = try reconcile(record.id) else {
                // The lock's file may have made it anew.
                try directory(record.id).remove()
                return nil
            }
            record = now
        }
        guard record.phase == .active else { return SandboxInfo(record, life: nil) }
        var info = SandboxInfo(record, life: directory(record.id).state(of: record.generation))
        if let connection { try networks.describe(connection, in: &info) }
        return info
    }

    /// Takes back what a sandbox holds if the process that its row names has ended, and writes down how it ended. Blocks the thread;
    /// the caller has the lock.
    ///
    /// - Returns: It as it is now; nil if it is no more.
    func reconcile(_ id: String) throws(SmartVMError) -> VMRecord? {
        guard let record = try store.vm(id) else { return nil }
        guard needsReconciling(record) else { return record }
        if record.phase == .idle {
            _ = host.directories.reclaim(id)
            try? networks.giveBack(id)
            return record
        }
        guard record.phase == .active else {
            try removeEverything(of: record)
            return nil
        }
        guard host.directories.reclaim(id) else {
            throw SmartVMError(
                .supervisorFailed,
                "The runtime directory of VM \(record.name) is in use, and its supervisor has ended.",
                cure: "See who has it open: fuser \(runtimePath(id))/\(RuntimeDirectories.ownerLockName)")
        }
        step(.runtimeDirectoryRemoved)
        // What the kernel refuses to remove stays written down as that of a process which has ended.
        try? networks.giveBack(id)
        step(.networkRemoved)
        let life = directory(id).state(of: record.generation)
        let sameBoot = record.owner?.bootID == (try? ProcessIdentity.currentBootID())
        let now = try store.update(vm: id, "end", connection: .end) { record in
            record.phase = .idle
            record.owner = nil
            record.restarts = Int64(life?.restarts ?? 0)
            record.startedAt = life?.startedAt.map { Int64(clamping: $0) }
            if let life, life.phase == .exited {
                record.finishedAt = life.finishedAt.map { Int64(clamping: $0) }
                record.exitStatus = life.exitStatus.map { Int64($0) }
                record.error = life.error
            } else {
                // When is not known: between its last sign and now.
                record.finishedAt = Int64(clamping: Clock.realtimeNanoseconds)
                record.exitStatus = 137
                record.error =
                    !sameBoot
                    ? "The host was restarted while it ran."
                    : life == nil ? "Its start was broken off." : "Its supervisor was killed."
            }
        }
        step(.endWritten)
        return now
    }

    /// Removes a sandbox that does not run. The caller has the lock.
    func removeEverything(of record: VMRecord) throws(SmartVMError) {
        let owner: ProcessIdentity?
        do throws(Errno) { owner = try ProcessIdentity(of: getpid()) } catch { owner = nil }
        try store.update(vm: record.id) { record in
            record.phase = .removing
            record.owner = owner
        }
        step(.removalWritten)
        _ = host.directories.reclaim(record.id)
        try? networks.giveBack(record.id)
        try directory(record.id).remove()
        step(.filesRemoved)
        try store.delete(vm: record.id)
        step(.removed)
    }
}
