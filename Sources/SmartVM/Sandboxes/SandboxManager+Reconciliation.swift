internal import FirecrackerClient
internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// What is true of sandboxes, and what is taken back where it is not.
extension SandboxManager {
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
    func presentInfo(unreconciled record: VMRecord) -> SandboxInfo {
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
