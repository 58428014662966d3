internal import FirecrackerAPI
internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// A life of a sandbox of which everything is made but its processes.
struct SandboxLaunch: Sendable {
    var plan: SupervisorPlan
    var record: VMRecord
    var imageUse: BaseImageUse?
    var volumeUses: [VolumeUse]
    var connection: SandboxConnection
    /// The sandbox is stopped when this goes away.
    var leash: SandboxLeash?

    /// Beside that of the runtime directory.
    private var locks: [Int32] {
        (imageUse.map { [$0.lockDescriptor] } ?? []) + volumeUses.map(\.lockDescriptor)
    }

    /// The same with the connection in the plan: what the supervisor inherits for it comes after the locks.
    func connected(_ interfaces: [NetworkInterface]) -> SandboxLaunch {
        var launch = self
        let locks = 1 + locks.count
        launch.plan.network = connection.plan(firstDescriptor: SupervisorProgram.firstInherited + locks)
        connection.describe(interfaces, in: &launch.plan.guest)
        return launch
    }

    /// Starts the supervisor and waits until it says how it went. Blocks the thread.
    ///
    /// - Returns: What it has said; nil if it has ended without a word.
    func start(manager: SandboxManager, directory: SandboxDirectory) throws(SmartVMError) -> StartReport? {
        let program = try SupervisorProgram()
        var plan = plan
        try SmartVMError.requireSpace(in: manager.host.dataDirectory)
        let runtime = try manager.host.directories.create(record.id)
        manager.step(.runtimeDirectoryMade)
        let waiting: SupervisorProgram.Waiting
        var inherited = [runtime.lockDescriptor] + locks + connection.descriptors
        if let leash {
            plan.leashDescriptor = UInt32(SupervisorProgram.firstInherited + inherited.count)
            inherited.append(leash.heldEnd)
        }
        do throws(SmartVMError) {
            try RowCopy(record).write(to: directory)
            do throws(Errno) {
                try File.replace(directory.planPath, with: plan.json(showsNulls: false) + [0x0a])
            } catch {
                throw error == .noSpace
                    ? SmartVMError.noSpace(at: directory.planPath, underlying: error)
                    : SmartVMError(
                        .dataDirectoryUnusable, "The plan \(directory.planPath) cannot be written: \(error).",
                        underlying: error)
            }
            manager.step(.planWritten)
            waiting = try program.spawn(
                plan: directory.planPath, log: directory.supervisorLogPath,
                inherited: inherited)
        } catch {
            runtime.remove()
            throw error
        }
        manager.step(.supervisorSpawned)
        let child = waiting.gated.child
        let identity = waiting.identity
        do throws(SmartVMError) {
            do throws(Errno) { try runtime.writeDown(supervisor: identity) } catch {
                throw error == .noSpace
                    ? SmartVMError.noSpace(at: runtime.path, underlying: error)
                    : SmartVMError(
                        .dataDirectoryUnusable, "\(runtime.path) cannot be written: \(error).", underlying: error)
            }
            manager.step(.supervisorWritten)
            try manager.networks.writeCopy(ofVM: record.id, owner: identity, ports: connection.portRecords)
            // It may run once it is written down.
            let change = ConnectionChange.begin(
                owner: identity, ports: connection.portRecords, problem: connection.problem)
            try manager.store.update(vm: record.id, connection: change) { record in
                record.phase = .active
                record.owner = identity
                record.generation = Int64(clamping: plan.generation)
                record.startedAt = nil
                record.finishedAt = nil
                record.exitStatus = nil
                record.error = nil
                record.restarts = 0
            }
        } catch {
            child.kill(9)
            _ = try? child.waitUntilExit()
            runtime.remove()
            throw error
        }
        manager.step(.ownerWritten)
        return try Self.finish(waiting, child, manager: manager)
    }

    private static func finish(
        _ waiting: consuming SupervisorProgram.Waiting, _ child: ChildProcess, manager: SandboxManager
    ) throws(SmartVMError) -> StartReport? {
        do throws(Errno) {
            // A process that lives on must take the end of its children.
            try Thread("smartvm-reaper", stackSize: 64 << 10) { _ = try? child.waitUntilExit() }.detach()
            let report = try waiting.release()
            manager.step(.supervisorReleased)
            let line = try report.readAll(limit: 1 << 20)
            return try? StartReport(decoding: line, skipsUnknownFields: true)
        } catch {
            child.kill(9)
            throw SmartVMError(.supervisorFailed, "The supervisor cannot be started: \(error).", underlying: error)
        }
    }
}

extension SupervisorProgram.Waiting {
    /// Lets it run.
    ///
    /// - Returns: Where it will say how the start went.
    fileprivate consuming func release() throws(Errno) -> Descriptor {
        do throws(Spawn.Failure) { try gated.release() } catch { throw error.errno }
        return report
    }
}
