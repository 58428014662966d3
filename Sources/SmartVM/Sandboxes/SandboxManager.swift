internal import FirecrackerClient
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
    init(_ host: MicroVMHost, step: @escaping @Sendable (SandboxStep) -> Void = SandboxStep.reach) {
        self.host = host
        self.step = step
        store = Store(path: host.dataDirectory.databasePath)
        networks = GuestNetworks(host.networkManager.options, store: store, dataDirectory: host.dataDirectory.path)
    }

    /// Makes a sandbox, which does not run yet: a row in the database, a directory, its disk if it is to have one, and volumes that it
    /// names and that are not there. Relative paths of this host are those of the directory in which this process works now.
    ///
    /// - Throws: `INVALID_CONFIG` with all that is wrong; `NAME_IN_USE`; `PROGRAM_NOT_FOUND` if a disk is wanted and there is no `mke2fs`;
    ///   `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`, `STORE_UNUSABLE`.
    public func create(_ config: SandboxConfig) async throws -> Sandbox {
        try await create(config, isScoped: false)
    }

    /// - Parameter isScoped: Whether it is this process's alone until it runs: one that is killed before leaves nothing.
    func create(_ config: SandboxConfig, isScoped: Bool) async throws -> Sandbox {
        var config = try config.settled()
        let id = GuestIdentity.randomHexadecimal(bytes: 6)
        let name = config.vm.id ?? "vm-" + GuestIdentity.randomHexadecimal(bytes: 5)
        config.vm.id = name
        try Self.check(config, hasJailer: host.jailer != nil)
        let record = VMRecord(
            id: id, name: name, phase: .creating, owner: try ProcessIdentity(of: getpid()),
            config: try config.storedText, image: config.vm.image ?? "",
            command: config.command?.arguments.joined(separator: " ") ?? "",
            machineID: GuestIdentity.randomHexadecimal(bytes: 16), createdAt: Int64(clamping: Clock.realtimeNanoseconds)
        )
        let store = store
        let directory = SandboxDirectory(id, in: host.dataDirectory)
        let uses = config.volumes.map { VolumeUseRecord(source: $0.source, isReadOnly: $0.isReadOnly) }
        for volume in config.volumes where volume.isFile {
            try await BlockingWork.run { try volume.checkFile(volume.source) }
        }
        let named = config.networks ?? []
        step(.creating)
        let dataDirectory = host.dataDirectory
        try await BlockingWork.run {
            try SmartVMError.requireSpace(in: dataDirectory)
            try store.insert(record, volumes: uses, networks: named)
        }
        step(.recordWritten)
        do {
            let lock = try await BlockingWork.wait { try directory.lock() }
            defer { withExtendedLifetime(lock) {} }
            step(.directoryMade)
            if let size = config.diskSize {
                try await SparseDisk(path: directory.diskPath).make(size: size)
                step(.diskMade)
            }
            for volume in config.volumes where !volume.isFile { try await ensureVolume(volume.source) }
            try await BlockingWork.run { try RowCopy(record).write(to: directory) }
            step(.copyWritten)
            if !isScoped {
                try await BlockingWork.run {
                    _ = try store.update(vm: id) { record in
                        record.phase = .idle
                        record.owner = nil
                    }
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
        return Sandbox(id: id, manager: self, isScoped: isScoped)
    }

    private static func check(_ config: SandboxConfig, hasJailer: Bool) throws(SmartVMError) {
        try config.vm.requireValid()
        _ = try config.command?.request()
        try config.checkLife()
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
            guard size >= SparseDisk.minimumSize else {
                throw SmartVMError(
                    .invalidConfiguration, "A disk of \(size) bytes is too small.",
                    cure: "Give it at least \(SparseDisk.minimumSize >> 20) MiB.")
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

    /// The names of all sandboxes, as the database has them: quick, and nothing is put right.
    public func names() async throws -> [String] {
        let store = store
        return try await BlockingWork.run { try store.vmNames() }
    }

    /// All sandboxes, the newest first.
    ///
    /// - Parameters:
    ///   - all: Whether those that do not run are among them. Default: only those that do, and those that are ``SandboxInfo/State/dead``.
    ///   - problem: Told what keeps a sandbox from being put right; the list goes on, with what is known of it.
    public func list(
        all: Bool = false, problem: @Sendable (SmartVMError) -> Void = { _ in }
    ) async throws -> [SandboxInfo] {
        _ = try? await networks.takeBack()
        let (infos, problems) = try await BlockingWork.run { [self] in
            var problems: [SmartVMError] = []
            let records = try store.vms()
            let connections = try store.vmConnections()
            let overview = try networks.overview()
            if let lost = try lostRows(among: strays(besides: records)) { problems.append(lost) }
            let infos = try records.compactMap { record in
                do {
                    return try presentInfo(record, connections[record.id], overview)
                } catch let error as SmartVMError {
                    problems.append(error)
                    return presentInfo(unreconciled: record)
                }
            }
            return (infos, problems)
        }
        for error in problems { problem(error) }
        return all ? infos : infos.filter { $0.state.isActive || $0.state == .dead }
    }

    /// Takes back whatever killed processes have left of sandboxes, running and other VMs, and networks, and takes in sandboxes
    /// and volumes that the database has lost. All commands put right what they touch; this does it for everything.
    ///
    /// - Parameter problem: Told what keeps something from being put right; the rest goes on.
    /// - Returns: What was done, a sentence each.
    public func reconcile(problem: @Sendable (SmartVMError) -> Void = { _ in }) async throws -> [String] {
        let (sandboxes, problems) = try await BlockingWork.wait { [self] in
            var done: [String] = []
            var problems: [SmartVMError] = []
            for record in try store.vms() {
                do {
                    if let sentence = try takeBack(record) { done.append(sentence) }
                } catch let error as SmartVMError {
                    problems.append(error)
                }
            }
            do {
                done += try takeInStrays(&problems)
            } catch let error as SmartVMError {
                problems.append(error)
            }
            do {
                done += try reconcileVolumes(&problems)
            } catch let error as SmartVMError {
                problems.append(error)
            }
            return (done, problems)
        }
        for error in problems { problem(error) }
        let directories = host.directories
        let names = try await BlockingWork.run { directories.reclaimAbandoned() }
        var network: [String] = []
        if host.networkManager.hasRecords {
            do { network = try await networks.reconcile().sentences } catch let error as SmartVMError { problem(error) }
        }
        return sandboxes + names.map { "\($0): ended what a killed command had left" } + network
    }

    /// - Returns: What was done; nil if there was nothing to do.
    private func takeBack(_ record: VMRecord) throws(SmartVMError) -> String? {
        guard needsReconciling(record), let lock = directory(record.id).lockIfFree() else { return nil }
        defer { withExtendedLifetime(lock) {} }
        guard let now = try reconcile(record.id) else {
            try directory(record.id).remove()
            return "\(record.name): removed what was left of it"
        }
        if record.phase == .idle { return "\(record.name): removed what a killed start had left" }
        // Somebody else has put it right, and it may run again.
        guard now.phase == .idle else { return nil }
        return "\(record.name): ended: \(now.error ?? "status \(now.exitStatus ?? 0)")"
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
        case .idle: FileTree.exists(runtimePath(record.id)) || FileTree.exists(directory(record.id).copyInPath)
        case .creating, .active: record.owner?.open() == nil
        case .removing: true
        }
    }

    /// What a sandbox is now. One whose supervisor has ended is put right first, unless somebody else has its lock and does it.
    ///
    /// - Returns: nil if it is no more.
    func presentInfo(
        _ record: VMRecord, _ connection: ConnectionRecord? = nil, _ overview: NetworkOverview? = nil
    ) throws -> SandboxInfo? {
        var record = record
        if needsReconciling(record), let lock = directory(record.id).lockIfFree() {
            defer { withExtendedLifetime(lock) {} }
            // Who looks does not wait for others who configure the network.
            guard let now = try reconcile(record.id, networkPatience: .zero) else {
                // The lock's file may have made it anew.
                try directory(record.id).remove()
                return nil
            }
            record = now
        } else if needsReconciling(record) {
            // Somebody else has put it right, or is about to.
            guard let now = try store.vm(record.id) else { return nil }
            record = now
        }
        guard record.phase == .active else { return SandboxInfo(record, life: nil) }
        var info = SandboxInfo(record, life: directory(record.id).state(of: record.generation))
        if let connection { try networks.describe(connection, overview, in: &info) }
        // What its supervisor has said last is true no more; whoever has the lock writes down what is.
        if record.owner?.open() == nil {
            info.state = .stopping
            info.supervisorPid = nil
            info.vmmPid = nil
        }
        return info
    }

    /// What is known of a sandbox that could not be put right.
    private func presentInfo(unreconciled record: VMRecord) -> SandboxInfo {
        var info = SandboxInfo(record, life: nil)
        if needsReconciling(record) {
            info.state = .dead
            info.supervisorPid = nil
        }
        return info
    }

    /// Takes back what a sandbox holds if the process that its row names has ended, and writes down how it ended. Blocks the thread;
    /// the caller has the lock.
    ///
    /// - Parameter networkPatience: How long another process may keep the network's lock; what is left then the next takes back.
    /// - Returns: It as it is now; nil if it is no more.
    func reconcile(
        _ id: String, networkPatience: Duration = NetworkLock.patience
    ) throws(SmartVMError) -> VMRecord? {
        guard let record = try store.vm(id) else { return nil }
        guard needsReconciling(record) else { return record }
        if record.phase == .idle {
            _ = host.directories.reclaim(id)
            directory(id).removeCopies()
            try? networks.giveBack(id, patience: networkPatience)
            return record
        }
        guard record.phase == .active else {
            try removeEverything(of: record, networkPatience)
            return nil
        }
        guard host.directories.reclaim(id) else {
            throw SmartVMError(
                .supervisorFailed,
                "The runtime directory of VM \(record.name) is in use, and its supervisor has ended.",
                cure: "See who has it open: fuser \(runtimePath(id))/\(RuntimeDirectories.ownerLockName)")
        }
        directory(id).removeCopies()
        step(.runtimeDirectoryRemoved)
        // What the kernel refuses to remove stays written down as that of a process which has ended.
        try? networks.giveBack(id, patience: networkPatience)
        step(.networkRemoved)
        let life = directory(id).state(of: record.generation)
        let sameBoot = record.owner?.bootID == (try? ProcessIdentity.currentBootID())
        let events = directory(id).events
        try store.bringIn(events, ofVM: id, name: record.name)
        let isEndTold = events.last { $0.generation == UInt64(clamping: record.generation) }?.action == "die"
        let isRemoved = Sandbox.removesAtEnd(record)
        let now = try store.update(vm: id, isEndTold ? nil : "die", connection: .end) { record in
            // The next who looks goes on with a removal that is cut short.
            record.phase = isRemoved ? .removing : .idle
            record.note(
                life,
                otherwise: !sameBoot
                    ? "The host was restarted while it ran."
                    : life == nil ? "Its start was broken off." : "Its supervisor was killed.")
            record.owner = nil
        }
        step(.endWritten)
        guard isRemoved, let now else { return now }
        try removeEverything(of: now, networkPatience)
        return nil
    }

    /// Removes a sandbox that does not run. The caller has the lock.
    func removeEverything(
        of record: VMRecord, _ networkPatience: Duration = NetworkLock.patience
    ) throws(SmartVMError) {
        let owner: ProcessIdentity?
        do throws(Errno) { owner = try ProcessIdentity(of: getpid()) } catch { owner = nil }
        try store.update(vm: record.id) { record in
            record.phase = .removing
            record.owner = owner
        }
        step(.removalWritten)
        try store.bringIn(directory(record.id).events, ofVM: record.id, name: record.name)
        _ = host.directories.reclaim(record.id)
        try? networks.giveBack(record.id, patience: networkPatience)
        try directory(record.id).remove()
        step(.filesRemoved)
        try store.delete(vm: record.id)
        step(.removed)
    }
}
