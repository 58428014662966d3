internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// Directories whose rows are gone: because a making was cut short, or because the database was lost, or its newest rows with its journal.
///
/// A disk in one of them may be all that there is of somebody's work, and what runs in one is not nobody's. So a sandbox whose directory has a
/// ``RowCopy`` gets its row back, with the supervisor that the runtime directory names; the rest is named and left alone, or
/// removed if there is nothing in it.
extension SandboxManager {
    /// The ids of directories that no row is about.
    func strays(besides records: [VMRecord]) -> [String] {
        let names = (try? FileTree.names(at: "\(host.dataDirectory.path)/vms")) ?? []
        guard names.count > 0 else { return [] }
        let known = Set(records.map(\.id))
        return names.filter { !known.contains($0) }
    }

    /// Says that there are such, without a lock: most of what is seen is about to be removed, or was just made.
    func lostRows(among strays: [String]) throws(SmartVMError) -> SmartVMError? {
        var lost = 0
        for id in strays where RowCopy(in: directory(id), id: id) != nil {
            if try store.vm(id) == nil { lost += 1 }
        }
        guard lost > 0 else { return nil }
        return SmartVMError(
            .storeUnusable, "The database does not know \(lost == 1 ? "one VM" : "\(lost) VMs") whose files are there.",
            cure: "Have them taken in again: smartvm system reconcile")
    }

    /// - Parameter problems: Takes up what keeps one from being taken in; the rest goes on.
    /// - Returns: What was done, a sentence each.
    func takeInStrays(_ problems: inout [SmartVMError]) throws(SmartVMError) -> [String] {
        var done: [String] = []
        let strays = strays(besides: try store.vms())
        // Before anything is taken back of those that have ended meanwhile.
        if !strays.isEmpty {
            do throws(SmartVMError) { try networks.takeInLost() } catch { problems.append(error) }
        }
        for id in strays {
            do {
                if let sentence = try lookAtStray(id) { done.append(sentence) }
            } catch {
                problems.append(error)
            }
        }
        return done
    }

    /// - Returns: What was done; nil if there was nothing to do.
    private func lookAtStray(_ id: String) throws(SmartVMError) -> String? {
        let stray = directory(id)
        guard let lock = stray.lockIfFree() else { return nil }
        defer { withExtendedLifetime(lock) {} }
        // It may have been made while this one was looked at.
        if try store.vm(id) != nil { return nil }
        if let sentence = try takeIn(id) { return sentence }
        if FileTree.exists(stray.diskPath) || FileTree.exists(runtimePath(id)) {
            return "\(id): no VM of this id is known; its disk and files are left in \(stray.path)"
        }
        try stray.remove()
        return "\(id): removed its directory"
    }

    /// Makes a row for what is in a directory. The caller has the lock.
    ///
    /// - Returns: What was done; nil if that cannot be said from what is there.
    private func takeIn(_ id: String) throws(SmartVMError) -> String? {
        let directory = directory(id)
        guard var record = RowCopy(in: directory, id: id)?.record else { return nil }
        let plan = (try? File.read(directory.planPath)).flatMap {
            try? SupervisorPlan(decoding: $0, skipsUnknownFields: true)
        }
        // The plan may be gone; what later lives are to tell must be newer than all that was told.
        let generations = directory.events.map(\.generation) + [plan?.generation ?? 0]
        record.generation = Int64(clamping: generations.max() ?? 0)
        if let owner = RuntimeDirectories.recordedSupervisor(in: runtimePath(id)) {
            record.phase = .active
            record.owner = owner
        } else {
            // Something holds it, and nothing says what.
            guard host.directories.reclaim(id) else { return nil }
            record.note(directory.state(of: record.generation), otherwise: "How it ended is not known.")
        }
        let volumes = (try? Sandbox.decodedConfig(of: record))?.volumes ?? []
        try store.takeIn(
            &record, volumes: volumes.map { VolumeUseRecord(source: $0.source, isReadOnly: $0.isReadOnly) })
        guard record.phase == .active else { return "\(record.name): taken in again, it does not run" }
        // One that has ended meanwhile is put right like any other.
        let now = try reconcile(id)
        return "\(record.name): taken in again, \(now?.phase == .active ? "it runs" : "it has ended")"
    }
}

extension VMRecord {
    /// Writes down how a life has ended, if there was one.
    ///
    /// - Parameter reason: Why, if its supervisor has not said it.
    mutating func note(_ life: LifeState?, otherwise reason: String) {
        guard generation > 0 else { return }
        restarts = Int64(life?.restarts ?? 0)
        startedAt = life?.startedAt.map { Int64(clamping: $0) }
        if let life, life.phase == .exited {
            finishedAt = life.finishedAt.map { Int64(clamping: $0) }
            exitStatus = life.exitStatus.map { Int64($0) }
            error = life.error
        } else {
            // When is not known: between its last sign and now, or the host's start.
            let wasInThisBoot = owner.map { $0.bootID == (try? ProcessIdentity.currentBootID()) } ?? true
            finishedAt = Int64(clamping: (wasInThisBoot ? nil : Clock.bootNanoseconds) ?? Clock.realtimeNanoseconds)
            exitStatus = 137
            error = reason
        }
    }
}
