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
        try await start(leash: nil, imageProgress)
    }

    /// - Parameter leash: It is stopped when this goes away.
    func start(leash: SandboxLeash?, _ imageProgress: @escaping ImageProgress.Handler) async throws {
        let (lock, present) = try await takeLock()
        defer { withExtendedLifetime(lock) {} }
        guard let record = try await onceEnded(present) else { return }
        manager.step(.locked)
        let config = try Self.decodedConfig(of: record)
        let ports = try await takePorts(config)
        var launch: SandboxLaunch
        do { launch = try await prepare(record, config, ports, imageProgress) } catch {
            await removeCopies()
            throw error
        }
        launch.leash = leash
        let (ready, manager, directory) = (launch, manager, directory)
        let report: StartReport?
        do {
            report = try await BlockingWork.wait { try ready.start(manager: manager, directory: directory) }
        } catch {
            await disconnect()
            await removeCopies()
            throw error
        }
        if let failure = report?.failure {
            // Takes back what is left; the lock is held. One that is removed at its end goes with its console.
            let console = try await BlockingWork.wait {
                let lines = directory.closingLines(12)
                _ = try manager.awaitEnd(of: record.id)
                return lines
            }
            throw startFailure(failure, report?.message ?? "", console: console, status: report?.exitStatus)
        }
        guard report != nil else {
            let messages = try await BlockingWork.wait {
                let lines = directory.closingLines(12, of: directory.supervisorLogPath, named: "messages")
                _ = try manager.awaitEnd(of: record.id)
                return lines
            }
            throw SmartVMError(
                .supervisorFailed,
                "The supervisor of VM \(record.name) has ended before the guest ran." + messages,
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
        let (manager, id, directory) = (manager, id, directory)
        let life = try await BlockingWork.run { directory.state(of: record.generation) }
        guard let life, [.stopping, .exited].contains(life.phase) else { return nil }
        let ended = try await BlockingWork.wait { try manager.awaitEnd(of: id) }
        guard let ended else { throw SmartVMError.noSuchVM(id) }
        return ended
    }

    /// Finds all that a life needs and makes its network.
    private func prepare(
        _ record: VMRecord, _ config: SandboxConfig, _ ports: [PortSocket],
        _ imageProgress: @escaping ImageProgress.Handler
    ) async throws -> SandboxLaunch {
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
        let connection = try await joinNetworks(record, config, ports: ports, &boot)
        do {
            let plan = try plan(record, config, vmm, boot, guestMounts)
            return SandboxLaunch(
                plan: plan, record: record, imageUse: boot.imageUse, volumeUses: mounts.uses, connection: connection
            ).connected(boot.networkInterfaces)
        } catch {
            await disconnect()
            throw error
        }
    }

    /// Says what the supervisor is to do, but for the network.
    private func plan(
        _ record: VMRecord, _ config: SandboxConfig, _ vmm: VMM, _ boot: BootPlan, _ mounts: [GuestDescription.Mount]
    ) throws -> SupervisorPlan {
        var boot = boot
        let runtime = manager.runtimePath(id)
        let vsock = "\(runtime)/vsock.sock"
        let hasLogger = boot.logger != nil
        if boot.hasAgent, boot.balloon == nil {
            // What takes memory from a guest that runs; it costs nothing until then.
            boot.balloon = BalloonConfig(amountMib: 0, deflateOnOom: true)
        }
        let requests = config.limits.applied(
            to: try boot.requests(vsockPath: vsock).map { request in try PlannedRequest(request) },
            memory: config.vm.machineConfig.memSizeMib)
        return SupervisorPlan(
            generation: UInt64(clamping: record.generation + 1), directory: directory.path, runtimeDirectory: runtime,
            vmm: Program(
                path: vmm.path,
                arguments: ["--api-sock", "\(runtime)/api.sock", "--id", id]
                    + (hasLogger ? [] : ["--log-path", "\(runtime)/vmm.log"]),
                environment: ["PATH=\(EnvironmentVariable.value("PATH") ?? "/usr/local/bin:/usr/bin:/bin")"]),
            apiSocket: "\(runtime)/api.sock", vsockSocket: vsock, requests: requests, hasAgent: boot.hasAgent,
            guest: GuestDescription(
                hostname: config.vm.hostname ?? record.name, machineID: record.machineID, mounts: mounts),
            command: try config.command.map { PlannedCommand(try $0.request()) },
            bootMilliseconds: config.bootTimeout.inMilliseconds,
            stop: Self.steps(config.stopTimeout, hasAgent: boot.hasAgent), restart: RestartPolicy(config.restart),
            lifetimeMilliseconds: config.lifetime?.inMilliseconds,
            log: LogLimits(bytes: UInt64(clamping: max(3, config.logSize) / 3), files: 3),
            health: try config.health?.plan())
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

    private func startFailure(
        _ failure: StartReport.Failure, _ message: String, console: String, status: UInt32?
    ) -> SmartVMError {
        switch failure {
        case .vmmFailed:
            SmartVMError(
                .vmmFailed, message + console,
                cure: "Run `smartvm doctor` to see which VMM can be used here.")
        case .apiError: SmartVMError(.apiError, message)
        case .bootFailed:
            SmartVMError(
                .bootFailed, message + console,
                cure:
                    "Its console is in \(directory.consolePath); --memory gives more memory, --boot-timeout more time.")
        case .commandFailed:
            // As a command's own failure it has a status.
            SmartVMError(
                .commandFailed, message,
                underlying: GuestCommandEnding.NotStarted(status: Int32(clamping: status ?? 125)))
        case .noSpace: .noSpace(at: directory.path, underlying: Errno.noSpace)
        case .hostFailed: SmartVMError(.dataDirectoryUnusable, message, cure: "See \(directory.supervisorLogPath).")
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
