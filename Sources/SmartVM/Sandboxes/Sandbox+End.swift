internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// How it ends, and what is done when it has ended.
extension Sandbox {
    /// Stops it by the gentlest means that work: its guest is asked first, and SIGKILL comes last. Returns when its VMM has ended and
    /// nothing of its life is left on the host. One that does not run is left as it is.
    ///
    /// - Parameter timeout: How long the guest may take. Default: what it was made with.
    /// - Throws: `NO_SUCH_VM`.
    public func stop(timeout: Duration? = nil) async throws {
        let record = try await storedRecord()
        let config = try Self.decodedConfig(of: record)
        try await end(record, by: Self.steps(timeout ?? config.stopTimeout, hasAgent: config.hasAgent))
    }

    /// Kills it, or sends a signal to its command.
    ///
    /// - Parameter signal: Linux's number. Default: SIGKILL, by which the VM ends at once and its guest saves nothing.
    /// - Throws: `INVALID_STATE` if it does not run, or has no command that could get the signal; `NO_SUCH_VM`.
    public func kill(signal: Int32 = 9) async throws {
        let record = try await storedRecord()
        guard record.phase == .active, record.owner?.open() != nil else { throw notRunning(record) }
        guard signal != 9 else { return try await end(record, by: [StopStep(.kill, milliseconds: 0)]) }
        try await ask(ControlRequest(.signal, signal: UInt32(clamping: signal)), record)
    }

    /// The means by which a guest is stopped that may take so long.
    static func steps(_ timeout: Duration, hasAgent: Bool) -> [StopStep] {
        if timeout <= .zero { return [StopStep(.kill, milliseconds: 0)] }
        let policy = StopPolicy(
            guest: hasAgent ? timeout : nil, ctrlAltDel: hasAgent ? nil : timeout)
        return StopRung.allCases.compactMap { rung in
            policy.limit(of: rung).map { StopStep(.init(rung), milliseconds: $0.inMilliseconds) }
        }
    }

    private func end(_ record: VMRecord, by steps: [StopStep]) async throws {
        var record = record
        while true {
            try await endLife(record, by: steps)
            // Takes back what is left, and sees whether a start that had the lock has made it run meanwhile.
            let lock: SandboxLock
            do {
                (lock, record) = try await takeLock()
            } catch let error as SmartVMError where error.code == .noSuchVM && Self.removesAtEnd(record) {
                return
            }
            // A start that gets the lock next takes a network of its own.
            defer { withExtendedLifetime(lock) {} }
            if record.phase == .active { continue }
            let (store, id) = (manager.store, id)
            guard try await BlockingWork.run({ try store.leases(ofVM: id).isEmpty }) else {
                throw SmartVMError(
                    .networkFailed, "VM \(record.name) has ended, and its network could not be removed.",
                    cure: "See why: smartvm system reconcile")
            }
            return
        }
    }

    private func endLife(_ record: VMRecord, by steps: [StopStep]) async throws {
        manager.step(.stopping)
        if record.phase == .active, let owner = record.owner, let supervisor = owner.open() {
            let path = controlPath
            let step = manager.step
            let limit = steps.filter { $0.means != .kill }.reduce(Duration.seconds(2)) {
                $0 + .milliseconds($1.milliseconds)
            }
            await BlockingWork.wait {
                let deadline = Clock.deadline(afterMilliseconds: limit.inMilliseconds)
                // One that does not answer is waited for all the same, and then killed; its VMM dies with it. Where only its socket is
                // gone, the signal says the same.
                let answer = try? SupervisorControl.ask(
                    ControlRequest(.stop, steps: steps), at: path, limit: .seconds(2))
                if answer == nil { supervisor.kill(steps.first?.means == .kill ? 9 : 15) }
                step(.stopAsked)
                let now = Clock.monotonicNanoseconds
                if !supervisor.waitForEnd(timeout: .nanoseconds(deadline > now ? deadline - now : 0)) {
                    supervisor.kill(9)
                    _ = supervisor.waitForEnd(timeout: .seconds(5))
                }
                step(.supervisorEnded)
            }
        }
    }

    /// Stops it if it runs, and starts it.
    ///
    /// - Parameter timeout: How long the guest may take to stop. Default: what it was made with.
    /// - Throws: As ``stop(timeout:)`` and ``start(_:)`` do.
    public func restart(timeout: Duration? = nil) async throws {
        let record = try await storedRecord()
        guard !Self.removesAtEnd(record) else {
            throw SmartVMError(
                .invalidState, "VM \(record.name) is removed when it ends, so it cannot be started again.",
                cure: "Make it without --rm.")
        }
        try await stop(timeout: timeout)
        try await start()
    }

    private func takeLockOfEnded(force: Bool) async throws -> (lock: SandboxLock, record: VMRecord) {
        while true {
            if force { try await end(try await storedRecord(), by: [StopStep(.kill, milliseconds: 0)]) }
            let (lock, record) = try await takeLock()
            // Somebody may have started it meanwhile.
            if !force || record.phase != .active { return (lock, record) }
        }
    }

    /// Removes it with its disk and its logs.
    ///
    /// - Parameter force: Whether to kill it if it runs. Default: no, then that is an error.
    /// - Throws: `INVALID_STATE` if it runs; `NO_SUCH_VM`.
    public func remove(force: Bool = false) async throws {
        let known = try await storedRecord()
        let (lock, record): (SandboxLock, VMRecord)
        do {
            (lock, record) = try await takeLockOfEnded(force: force)
        } catch let error as SmartVMError where error.code == .noSuchVM && Self.removesAtEnd(known) {
            return
        }
        defer { withExtendedLifetime(lock) {} }
        guard record.phase != .active else {
            throw SmartVMError(
                .invalidState, "VM \(record.name) is running.",
                cure: "Stop it first, or kill it with `smartvm rm -f \(record.name)`.")
        }
        let manager = manager
        try await BlockingWork.wait { try manager.removeEverything(of: record) }
    }

    /// Waits until it does not run, and returns the status of its last life; at once if it does not run.
    ///
    /// - Throws: `NO_SUCH_VM`; `CancellationError`.
    public func wait() async throws -> Int {
        let known = try await storedRecord()
        do {
            return try await waitForEnd()
        } catch let error as SmartVMError where error.code == .noSuchVM && Self.removesAtEnd(known) {
            // It is removed at its end, and its status is not.
            let (store, id) = (manager.store, id)
            guard let status = try await BlockingWork.run({ try store.lastExitStatus(ofVM: id) }) else { throw error }
            return status
        }
    }

    private func waitForEnd() async throws -> Int {
        while true {
            let info = try await info
            guard info.state.isActive else { return info.exitStatus ?? 0 }
            guard let supervisor = try await storedRecord().owner?.open() else {
                // Somebody else is about to put it right.
                try await Task.sleep(for: .milliseconds(20))
                continue
            }
            // In slices, so that a task that is cancelled goes on soon.
            _ = try await BlockingWork.wait { supervisor.waitForEnd(timeout: .seconds(1)) }
        }
    }
}

extension StopStep.Means {
    fileprivate init(_ rung: StopRung) {
        self =
            switch rung {
            case .guest: .guest
            case .ctrlAltDel: .ctrlAltDel
            case .terminate: .terminate
            case .kill: .kill
            }
    }
}
