internal import FirecrackerClient
internal import Glibc
internal import GuestProtocol
internal import Linux

extension MicroVM {
    /// Ends the VM by the gentlest means that work within their time, and gives back all that it holds on the host. Returns when the VMM
    /// has been reaped and nothing of the VM is left. Possible in every state; who comes second waits for the same end. Goes on to the
    /// end if this task is cancelled. A paused guest is not asked: what it would write could contradict a snapshot of it.
    ///
    /// - Parameter policy: Default: the guest is asked first.
    /// - Returns: What was tried, and how long it took.
    @discardableResult
    public func stop(_ policy: StopPolicy = .graceful) async -> StopReport {
        if let ending { return await ending.value }
        switch state {
        case .created, .stopped, .failed:
            if lifecycle.apply(.stopped) { tellExit() }
            return StopReport(exit: exit)
        case .starting, .running, .paused: return await beginEnding(.stopped, policy: policy).value
        }
    }

    /// Waits until the VM has ended, whoever ends it, and nothing of it is left on the host.
    ///
    /// - Throws: `INVALID_STATE` for a VM that was never started; `CancellationError`.
    public func waitUntilExit() async throws -> VMExit {
        try lifecycle.check(.waitUntilExit, of: id)
        if let exit { return exit }
        guard state != .stopped else {
            throw SmartVMError(.invalidState, "VM \(id) was never started, and was stopped.")
        }
        let (exits, continuation) = AsyncStream.makeStream(of: VMExit.self)
        exitWaiters.append(continuation)
        for await exit in exits { return exit }
        throw CancellationError()
    }

    /// Notices when the VMM ends by itself.
    func watch() {
        guard let process else { return }
        Task { await vmmEnded(await process.ended()) }
    }

    private func vmmEnded(_ status: ChildProcess.Ending) async {
        guard ending == nil else { return }
        _ = await beginEnding(status == .exited(0) ? .stopped : .failed).value
    }

    /// The one end of a VM.
    ///
    /// - Parameters:
    ///   - event: What it is to be afterwards.
    ///   - policy: How the VMM is ended if it still runs.
    func beginEnding(_ event: Lifecycle.Event, policy: StopPolicy = .quick) -> Task<StopReport, Never> {
        lifecycle.isEnding = true
        let wasStarting = state == .starting
        let task = Task {
            launch?.cancel()
            _ = await launch?.result
            var report = StopReport()
            var exit: VMExit?
            if let process {
                if process.isRunning { report.attempts = await climb(policy, process) }
                exit = report.endedBy.map { .stopped($0) }
                await process.endSession()
                switch await process.ended() {
                case .exited(0): exit = exit ?? .guestShutDown
                case .exited(let status): exit = exit ?? .vmmFailed(status: status)
                case .signaled(let signal): exit = exit ?? .vmmKilled(signal: signal)
                }
            }
            report.problems = await releaseAll()
            self.exit = wasStarting ? .startFailed : exit
            lifecycle.isEnding = false
            lifecycle.apply(event)
            tellExit()
            report.exit = self.exit
            return report
        }
        ending = task
        return task
    }

    private func climb(_ policy: StopPolicy, _ process: VMMProcess) async -> [StopReport.Attempt] {
        await StopLadder.climb(policy) { rung, limit in
            let deadline = ContinuousClock.now + limit
            if let obstacle = await pull(rung, process, limit: limit) { return .unavailable(obstacle) }
            return await process.waitUntilEnded(within: max(.zero, deadline - .now)) ? .ended : .timedOut
        }
    }

    /// - Returns: Why it could not be tried; nil if it was.
    private func pull(_ rung: StopRung, _ process: VMMProcess, limit: Duration) async -> String? {
        switch rung {
        case .guest:
            guard state == .running else { return "the guest does not run: the VM is \(state.rawValue)" }
            let grace = Shutdown.grace(ofMilliseconds: limit.inMilliseconds)
            guard let session, await session.send(.shutdown(.powerOff, graceMilliseconds: grace)) else {
                return "the guest has no agent"
            }
        case .ctrlAltDel:
            guard state == .running else { return "the guest does not run: the VM is \(state.rawValue)" }
            do {
                try await connectedClient().send(.performAction(.sendCtrlAltDel), timeout: limit)
            } catch {
                return "\(error)"
            }
        case .terminate: process.signal(SIGTERM)
        case .kill: process.signal(SIGKILL)
        }
        return nil
    }

    /// Gives back what is held on the host, the last thing first.
    ///
    /// - Returns: A sentence for each thing that could not be given back.
    private func releaseAll() async -> [String] {
        await client?.close()
        client = nil
        sessionTask?.cancel()
        _ = await sessionTask?.result
        sessionTask = nil
        session = nil
        vsockPath = nil
        process = nil
        imageUse = nil
        let problems = await detachNetwork()
        if let directory {
            await BlockingWork.run { directory.remove() }
            self.directory = nil
        }
        return problems
    }

    private func tellExit() {
        let waiters = exitWaiters
        exitWaiters = []
        for waiter in waiters {
            if let exit { waiter.yield(exit) }
            waiter.finish()
        }
    }
}
