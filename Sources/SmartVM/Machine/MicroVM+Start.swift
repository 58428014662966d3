internal import FirecrackerAPI
internal import FirecrackerClient
internal import GuestProtocol
internal import Linux

extension MicroVM {
    /// Boots the guest and returns when its agent takes commands (see ``StartOptions/waitsForAgent``). Possible once, in the state
    /// `created`. If this task is cancelled meanwhile, what has been done is undone before this throws.
    ///
    /// - Throws: ``SmartVMError``: `INVALID_STATE`, `INVALID_CONFIG` with all that is wrong, `NAME_IN_USE`, `VMM_NOT_FOUND`, `INVALID_FILE`,
    ///   `API_ERROR` with the VMM's fault, `VMM_FAILED`, `BOOT_FAILED` with the last lines of the guest's console;
    ///   `CancellationError`. Nothing is left on the host then.
    public func start(_ options: StartOptions = .init()) async throws {
        try await launch(.start) { try await $0.boot(options) }
    }

    /// Runs a start in a task of its own, so that it can be given up by whoever waits for it and by whoever stops the VM.
    func launch(
        _ operation: Lifecycle.Operation, _ body: @escaping @Sendable (isolated MicroVM) async throws -> Void
    ) async throws {
        try lifecycle.check(operation, of: id)
        try Task.checkCancellation()
        lifecycle.apply(.startBegan)
        let task = Task { try await body(self) }
        launch = task
        do {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch {
            if let ending { throw await stoppedMeanwhile(ending) }
            _ = await beginEnding(.failed).value
            throw error
        }
    }

    private func stoppedMeanwhile(_ ending: Task<StopReport, Never>) async -> SmartVMError {
        _ = await ending.value
        return SmartVMError(.invalidState, "VM \(id) was stopped while it was being started.")
    }

    private func boot(_ options: StartOptions) async throws {
        try requireName()
        try config.requireValid()
        let directories = host.directories
        _ = try await BlockingWork.run { directories.reclaimAbandoned() }
        let vmm = try await host.resolveVMM(progress: options.imageProgress)
        let version = try await vmm.version(in: host.dataDirectory)
        self.version = version
        try config.requireValid(for: version)
        var plan = try await BootPlan(
            config, in: host.dataDirectory, images: host.baseImageManager, imageProgress: options.imageProgress)
        imageUse = plan.imageUse
        // Who watches the console wants to see more than errors; the later of two arguments counts.
        if options.console != nil, config.bootSource?.bootArgs == nil {
            plan.bootSource.bootArgs = plan.bootSource.bootArgs.map { "\($0) loglevel=7" }
        }
        hasAgent = options.waitsForAgent ?? plan.hasAgent
        try await attachNetwork(&plan)
        let requests = try await launchVMM(
            vmm, vsockPath: plan.vsockPath, hasLogger: plan.logger != nil,
            enablesPCI: config.enablePCI, console: options.console
        ) { [plan] in plan.requests(vsockPath: $0) }
        try await supervised(for: options.bootTimeout) { vm in
            try await vm.sendConfiguration(requests)
            if await vm.hasAgent { try await vm.awaitIdentity() }
        }
        try begin(.started)
    }

    /// The name becomes that of a directory, so nothing is done with one that is none.
    func requireName() throws(SmartVMError) {
        try VMConfig(id: id, image: BaseImagePreset.minimal.rawValue).requireValid()
    }

    /// From now on the VM is up, unless somebody wants it to end.
    func begin(_ event: Lifecycle.Event) throws {
        guard !lifecycle.isEnding else { throw CancellationError() }
        lifecycle.apply(event)
        watch()
    }

    /// Makes the runtime directory, and the jail if there is to be one, and starts the VMM in it.
    ///
    /// - Parameters:
    ///   - vsockPath: Where the VMM is to make the host's end of the guest's vsock; nil: in the runtime directory.
    ///   - hasLogger: Whether the VMM will be told over its API where its log goes.
    ///   - enablesPCI: Whether the devices are to be on a PCI bus. One that loads a snapshot goes by that.
    ///   - requests: What the VMM will be asked; it is told where to make the host's end of the guest's vsock.
    /// - Returns: The requests, with paths as the VMM sees them.
    func launchVMM(
        _ vmm: VMM, vsockPath chosenVsockPath: String?, hasLogger: Bool = false, enablesPCI: Bool = false,
        console handler: (@Sendable ([UInt8]) -> Void)?, requests: @escaping @Sendable (String) -> [APIRequest]
    ) async throws -> [APIRequest] {
        let directories = host.directories
        let directory = try await BlockingWork.run { [id] in try directories.create(id) }
        self.directory = directory
        var jail: Jail?
        if let config = host.jailer {
            jail = try await BlockingWork.run { [id] in
                try Jail(config, executable: vmm.path, vm: id, directory: directory)
            }
        }
        let sockets = VMMSockets(
            api: jail?.layout.apiSocketPath ?? chosenSocketPath, vsock: jail?.layout.vsockPath ?? chosenVsockPath,
            directory: directory)
        let command =
            jail?.jailerCommand(workingDirectory: directory.path, hasLogger: hasLogger, enablesPCI: enablesPCI)
            ?? VMMProcess.Command(
                executable: vmm.path,
                arguments: ["--api-sock", sockets.api, "--id", id]
                    + (enablesPCI ? ["--enable-pci"] : []) + (hasLogger ? [] : ["--log-path", directory.logPath]),
                workingDirectory: directory.path)
        let (process, console, admitted) = try await BlockingWork.run { [id, jail] in
            do {
                try sockets.prepare()
                let wanted = requests(sockets.vsock)
                // Before the jailer runs, which takes along what is mounted in the jail by then.
                let admitted = try jail?.admit(wanted) ?? wanted
                let pipe = try Pipe()
                let output = pipe.write
                let console = try Console(reading: pipe.read, handler: handler)
                return (try VMMProcess(command, directory: directory, console: output), console, admitted)
            } catch let error as Errno {
                throw SmartVMError(.vmmFailed, "VM \(id) cannot be prepared: \(error).", underlying: error)
            }
        }
        self.process = process
        self.console = console
        let session = GuestSession(configuration: guestConfiguration())
        self.session = session
        do throws(Errno) {
            let listener = try UnixSocket.listen(at: sockets.session)
            try jail?.own(sockets.session)
            let descriptor = listener.take()
            sessionTask = Task { try await session.run(Descriptor(owning: descriptor)) }
        } catch {
            throw SmartVMError(.vmmFailed, "VM \(id) cannot listen for its guest: \(error).", underlying: error)
        }
        client = SocketClient(socketPath: sockets.api)
        vsockPath = sockets.vsock
        return admitted
    }

    /// Does what a start consists of; the end of the VMM ends it too, and so does the time.
    func supervised(for limit: Duration, _ body: @escaping @Sendable (MicroVM) async throws -> Void) async throws {
        guard let process, let console else { throw try noVMM() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body(self) }
            group.addTask {
                let ending = try await process.waitUntilEnded()
                await console.waitUntilDrained()
                throw await self.startFailure(ending)
            }
            group.addTask {
                try await Task.sleep(for: limit)
                throw await self.bootFailure("The guest's agent did not answer within \(limit).")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Sends requests to the VMM, which has just been started.
    func sendConfiguration(_ requests: [APIRequest]) async throws {
        let client = try connectedClient()
        // The file is there before anybody listens at it. A matter of milliseconds.
        while (try? UnixSocket.connect(to: client.socketPath, nonBlocking: true)) == nil {
            try await Task.sleep(for: .milliseconds(1))
        }
        do {
            for request in requests { try await client.send(request, timeout: Self.startTimeout) }
        } catch let error as SmartVMError where error.code == .socketError {
            // The VMM has gone: its end says more than the connection's.
            if let process, await process.waitUntilEnded(within: .seconds(1)) {
                throw startFailure(await process.ended())
            }
            throw error
        }
        isInstanceStarted = true
    }

    /// A VMM that has gigabytes to allocate or to read may take long for one request.
    static let startTimeout = Duration.seconds(120)

    /// Waits until the guest has said hello and has been told who it is.
    func awaitIdentity() async throws {
        guard let session else { throw try noVMM() }
        let hello = try await session.identityTaken(after: identitiesSeen)
        identitiesSeen = session.identitiesGiven
        if guestBootTime == nil { guestBootTime = .microseconds(hello.monotonicMicroseconds) }
    }

    private func noVMM() throws -> any Error {
        // Only a stop takes it away meanwhile, and it cancels this task.
        try Task.checkCancellation()
        return SmartVMError(.noClient, "VM \(id) has no VMM any more.")
    }

    private func startFailure(_ ending: ChildProcess.Ending) -> SmartVMError {
        isInstanceStarted
            ? bootFailure("The VM ended before the guest's agent answered (\(ending)).")
            : SmartVMError(
                .vmmFailed, "The VMM ended before it had its configuration (\(ending))." + lastWords(),
                cure: "Run `smartvm doctor` to see which VMM can be used here.")
    }

    private func bootFailure(_ what: String) -> SmartVMError {
        SmartVMError(
            .bootFailed, what + lastWords() + (version?.knownProblems ?? []).map { "\n\($0)" }.joined(),
            cure: "--console shows all of it, --memory gives more memory, --boot-timeout more time.")
    }

    func lastWords() -> String {
        let lines = (console?.closingLines(12) ?? []).map { "\n  \($0)" }.joined()
        return lines.isEmpty ? "\nIts console is empty." : "\nThe last lines of its console:" + lines
    }
}
