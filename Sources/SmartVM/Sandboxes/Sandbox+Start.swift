internal import FirecrackerAPI
internal import FirecrackerClient
internal import GuestProtocol
internal import Linux
internal import SupervisorProtocol

extension Sandbox {
    /// Boots its guest and returns when that runs, and its command if it has one. One that runs already is left as it is. What is
    /// begun goes on if this process ends meanwhile.
    ///
    /// - Parameter imageProgress: Told of the steps if the image must be made first.
    /// - Throws: `NO_SUCH_VM`, `INVALID_CONFIG`, `INVALID_FILE`, `VMM_NOT_FOUND`, `SUPERVISOR_FAILED`, `VMM_FAILED`, `API_ERROR`,
    ///   `BOOT_FAILED` with the last lines of the guest's console, `COMMAND_FAILED`. It does not run then.
    public func start(_ imageProgress: @escaping ImageProgress.Handler = { _ in }) async throws {
        let (lock, present) = try await takeLock()
        defer { withExtendedLifetime(lock) {} }
        guard let record = try await onceEnded(present) else { return }
        manager.step(.locked)
        let config = try Self.decodedConfig(of: record)
        let planned: (SupervisorPlan, BaseImageUse?, [VolumeUse])
        do { planned = try await plan(record, config, imageProgress) } catch {
            await removeCopies()
            throw error
        }
        let (plan, imageUse, volumeUses) = planned
        let manager = manager
        let directory = directory
        let report = try await BlockingWork.run {
            try Self.launch(
                plan, record, manager: manager, directory: directory, imageUse: imageUse, volumeUses: volumeUses)
        }
        if let failure = report?.failure {
            // Takes back what is left; the lock is held.
            _ = try await BlockingWork.run { try manager.awaitEnd(of: record.id) }
            throw startFailure(failure, report?.message ?? "", status: report?.exitStatus)
        }
        guard report != nil else {
            _ = try await BlockingWork.run { try manager.awaitEnd(of: record.id) }
            throw SmartVMError(
                .supervisorFailed, "The supervisor of VM \(record.name) has ended before the guest ran.",
                cure: "Its messages are in \(directory.supervisorLogPath).")
        }
        manager.step(.started)
    }

    /// What was made for a life that does not come to be goes at once; a process that is killed leaves it to the next command.
    private func removeCopies() async {
        let directory = directory
        await BlockingWork.run { directory.removeCopies() }
    }

    /// It as it is when it does not run. One that is on its way out is waited for; nil if it runs, and is to run. The caller has the lock.
    private func onceEnded(_ record: VMRecord) async throws -> VMRecord? {
        guard record.phase == .active else { return record }
        guard let life = directory.state(of: record.generation), [.stopping, .exited].contains(life.phase) else {
            return nil
        }
        let (manager, id) = (manager, id)
        let ended = try await BlockingWork.run { try manager.awaitEnd(of: id) }
        guard let ended else { throw SmartVMError.noSuchVM(id) }
        return ended
    }

    /// Finds all that a life needs, and says what the supervisor is to do.
    private func plan(
        _ record: VMRecord, _ config: SandboxConfig, _ imageProgress: @escaping ImageProgress.Handler
    ) async throws -> (SupervisorPlan, BaseImageUse?, [VolumeUse]) {
        var host = manager.host
        if let vmm = config.vmm {
            host.vmmSelection = VMMSelection(vmm)
            host.firecrackerVersion = nil
        }
        try config.vm.requireValid()
        let vmm = try await host.resolveVMM(progress: imageProgress)
        try config.vm.requireValid(for: try await vmm.version(in: host.dataDirectory))
        var boot = try await BootPlan(
            config.vm, in: host.dataDirectory, images: host.baseImageManager, imageProgress: imageProgress)
        let mounts = try await SandboxMounts(config, of: record, in: manager)
        let guestMounts = try mounts.addDrives(to: &boot)
        if config.diskSize != nil { try attachDisk(&boot) }
        let runtime = manager.runtimePath(id)
        let vsock = "\(runtime)/vsock.sock"
        let hasLogger = boot.logger != nil
        let requests = try boot.requests(vsockPath: vsock).map { request in try PlannedRequest(request) }
        let plan = SupervisorPlan(
            generation: UInt64(clamping: record.generation + 1), directory: directory.path, runtimeDirectory: runtime,
            vmm: Program(
                path: vmm.path,
                arguments: ["--api-sock", "\(runtime)/api.sock", "--id", id]
                    + (hasLogger ? [] : ["--log-path", "\(runtime)/vmm.log"]),
                environment: ["PATH=\(EnvironmentVariable.value("PATH") ?? "/usr/local/bin:/usr/bin:/bin")"]),
            apiSocket: "\(runtime)/api.sock", vsockSocket: vsock, requests: requests, hasAgent: boot.hasAgent,
            guest: GuestDescription(
                hostname: config.vm.hostname ?? record.name, machineID: record.machineID, mounts: guestMounts),
            command: try config.command.map { PlannedCommand(try $0.request()) },
            bootMilliseconds: config.bootTimeout.inMilliseconds,
            stop: Self.steps(config.stopTimeout, hasAgent: boot.hasAgent), restart: RestartPolicy(config.restart),
            lifetimeMilliseconds: config.lifetime?.inMilliseconds,
            log: LogLimits(bytes: UInt64(clamping: max(3, config.logSize) / 3), files: 3))
        return (plan, boot.imageUse, mounts.uses)
    }

    /// The disk comes last, so that the other drives keep their names.
    private func attachDisk(_ boot: inout BootPlan) throws(SmartVMError) {
        guard FileTree.exists(directory.diskPath) else {
            throw SmartVMError(
                .invalidFile, "The VM's disk \(directory.diskPath) is gone.",
                cure: "Put it back, or remove the VM and create it anew.")
        }
        guard boot.hasAgent else {
            throw SmartVMError(.invalidConfiguration, "A sandbox with a disk needs the agent in its guest.")
        }
        let device = try boot.nextDevice()
        // What the guest has flushed is on the host's disk.
        boot.drives.append(
            Drive(
                driveId: boot.freeDriveID("disk"), isRootDevice: false, cacheType: .writeback, isReadOnly: false,
                pathOnHost: directory.diskPath))
        boot.bootSource.bootArgs = (boot.bootSource.bootArgs ?? "") + " smartvm.overlay=\(device)"
    }

    /// Starts the supervisor and waits until it says how it went. Blocks the thread.
    ///
    /// - Returns: What it has said; nil if it has ended without a word.
    private static func launch(
        _ plan: SupervisorPlan, _ record: VMRecord, manager: SandboxManager, directory: SandboxDirectory,
        imageUse: BaseImageUse?, volumeUses: [VolumeUse]
    ) throws(SmartVMError) -> StartReport? {
        let program = try SupervisorProgram()
        let runtime = try manager.host.directories.create(record.id)
        manager.step(.runtimeDirectoryMade)
        let waiting: SupervisorProgram.Waiting
        do throws(SmartVMError) {
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
                locks: [runtime.lockDescriptor] + (imageUse.map { [$0.lockDescriptor] } ?? [])
                    + volumeUses.map(\.lockDescriptor))
        } catch {
            runtime.remove()
            throw error
        }
        manager.step(.supervisorSpawned)
        let child = waiting.gated.child
        let identity = waiting.identity
        do {
            // It may run once it is written down.
            try manager.store.update(vm: record.id, "start") { record in
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
        return try finish(waiting, child, manager: manager)
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

    private func startFailure(
        _ failure: StartReport.Failure, _ message: String, status: UInt32?
    ) -> SmartVMError {
        switch failure {
        case .vmmFailed:
            SmartVMError(
                .vmmFailed, message + directory.closingLines(12),
                cure: "Run `smartvm doctor` to see which VMM can be used here.")
        case .apiError: SmartVMError(.apiError, message)
        case .bootFailed:
            SmartVMError(
                .bootFailed, message + directory.closingLines(12),
                cure:
                    "Its console is in \(directory.consolePath); --memory gives more memory, --boot-timeout more time.")
        case .commandFailed:
            // As a command's own failure it has a status.
            SmartVMError(
                .commandFailed, message,
                underlying: GuestCommandEnding.NotStarted(status: Int32(clamping: status ?? 125)))
        case .stopped: SmartVMError(.invalidState, "The VM was stopped while it was being started.")
        }
    }
}

extension GuestCommandEnding {
    /// The status that a shell gives to a command that could not be run.
    struct NotStarted: Error {
        var status: Int32
    }
}

extension SmartVMError {
    /// With `COMMAND_FAILED`: 127 if there is no such program, 126 if it cannot be executed, 125 for anything else.
    public var exitStatus: Int32? { (underlying as? GuestCommandEnding.NotStarted)?.status }
}

extension SandboxManager {
    /// Waits for the end of a supervisor that has announced it, and takes back what is left. Blocks the thread; the caller has the lock.
    func awaitEnd(of id: String) throws(SmartVMError) -> VMRecord? {
        if let supervisor = try store.vm(id)?.owner?.open(), !supervisor.waitForEnd(timeout: .seconds(10)) {
            supervisor.kill(9)
            _ = supervisor.waitForEnd(timeout: .seconds(5))
        }
        return try reconcile(id)
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

extension RestartPolicy {
    init(_ restart: SandboxRestart) {
        switch restart {
        case .never: self.init(Condition.never)
        case .always: self.init(Condition.always)
        case .unlessStopped: self.init(Condition.unlessStopped)
        case .onFailure(let limit): self.init(Condition.onFailure, limit: limit.map { UInt32(clamping: $0) })
        }
    }
}
