internal import FirecrackerAPI
internal import Glibc
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// A VM's supervisor: its lives one after another, what is written down of them, and what others ask.
///
/// Theory of operation. There is no daemon: each VM that outlives its starter has one such process, the parent of its VMM. It holds the
/// lock on the runtime directory, as a descriptor that its starter gave it; when it ends, or is killed at any instruction, the kernel
/// ends the VMM and drops the lock, and the next command takes back the rest. It is one loop on one thread, and waits for nothing
/// but that loop.
final class Supervision: EventHandler, LifeObserver {
    private enum Source: UInt8 {
        case signals, lifetime, restart, leash
    }

    private(set) var plan: SupervisorPlan
    let loop: EventLoop
    let events: EventLog
    private let signals: SignalDescriptor
    private let console: RotatedFile
    private let log: RotatedFile
    private let stateFile: StateFile
    private var report: Descriptor?
    private var control: ControlServer?
    private var leash: Descriptor?
    private var leashRegistration: EventLoop.Registration?
    private var life: Life?
    var state: LifeState
    private var backoff = RestartBackoff()
    private var beganRunning: UInt64?
    private var isLifetimeRunning = false
    /// Why the present life is ended, if not because somebody has asked for it.
    private var endReason: String?
    /// Whether it is started again when it has ended, whatever its policy.
    var isRestartWanted = false
    var health: HealthChecker?

    /// - Parameter report: Where the starter waits to hear how it went.
    init(_ plan: SupervisorPlan, report: consuming Descriptor, signals numbers: [Int32]) throws(Errno) {
        self.plan = plan
        loop = try EventLoop(bufferSize: 256 << 10 | 4096)
        signals = try SignalDescriptor(numbers)
        events = EventLog(plan)
        stateFile = StateFile(in: plan.directory)
        let last = stateFile.read()
        console = RotatedFile(
            "\(plan.directory)/console.log", plan.log, lost: last?.lostConsole ?? 0, gap: LogGap.text)
        log = RotatedFile("\(plan.directory)/output.log", plan.log, lost: last?.lostOutput ?? 0, gap: LogGap.record)
        self.report = consume report
        state = LifeState(
            generation: plan.generation, phase: .starting, lostOutput: log.lost, lostConsole: console.lost)
    }

    /// Runs the VM until it is over.
    ///
    /// - Throws: What keeps it from beginning. Later nothing does.
    func run() throws(Errno) {
        do throws(Errno) { try stateFile.write(state) } catch {
            let why = "The state of the VM cannot be written to \(plan.directory): \(error)."
            say(StartReport(failure: error == .noSpace ? .noSpace : .hostFailed, message: why))
            throw error
        }
        SupervisorStep.stateWritten.reach()
        _ = try loop.add(signals.descriptor.rawValue, [.readable], handler: self, source: Source.signals.rawValue)
        control = try ControlServer(at: "\(plan.runtimeDirectory)/\(ControlRequest.socketName)", loop: loop) {
            [weak self] error in
            ControlAnswer(error: error, state: self?.state ?? LifeState(generation: 0, phase: .exited))
        } handler: { [weak self] request, answer in
            self?.obey(request, answer)
        }
        if let number = plan.leashDescriptor.flatMap({ Int32(exactly: $0) }) {
            leash = Descriptor(owning: number)
            leashRegistration = try loop.add(number, [.readable], handler: self, source: Source.leash.rawValue)
        }
        SupervisorStep.controlListening.reach()
        begin()
        try loop.run()
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .signals: while signals.next() != nil { stop(plan.stop) }
        case .lifetime:
            stop(plan.stop, because: "Its lifetime of \((plan.lifetimeMilliseconds ?? 0) / 1000) seconds was over.")
        case .leash:
            // Nothing is ever written: the other end is closed.
            if let leashRegistration { loop.remove(leashRegistration) }
            leashRegistration = nil
            stop(plan.stop, because: "The command that it belonged to was killed.")
        case .restart: if !state.isStopWanted { begin() }
        case nil: break
        }
    }

    private var network: NetworkService?

    /// Serves the VM's network from before the guest's first instruction, which may ask for a name, through all of its lives.
    ///
    /// - Returns: Whether it is served; otherwise the VM is over.
    private func serveNetwork() -> Bool {
        do throws(NetworkFault) {
            if network == nil, let plan = plan.network { network = try NetworkService(plan, loop: loop) }
            return true
        } catch {
            finish(LifeEnd(failure: .vmmFailed, "The VM's network cannot be served: \(error)."))
            return false
        }
    }

    // MARK: Lives

    private func begin() {
        guard serveNetwork() else { return }
        do throws(Errno) {
            life = try Life(plan, loop: loop, console: console, log: log, observer: self)
        } catch {
            lifeEnded(LifeEnd(failure: .vmmFailed, "The VMM \(plan.vmm.path) cannot be started: \(error)."))
        }
    }

    func lifeChanged(_ phase: LifeState.Phase, pid: Int32) {
        let before = state.phase
        state.phase = phase
        state.pid = UInt32(clamping: pid)
        if phase == .running, beganRunning == nil {
            beganRunning = Clock.monotonicNanoseconds
            state.startedAt = Clock.realtimeNanoseconds
            state.finishedAt = nil
            state.exitStatus = nil
            if !state.isStopWanted { state.error = nil }
            events.append("start", state.restarts > 0 ? [.init("restarts", "\(state.restarts)")] : [])
        } else if phase == .paused {
            events.append("pause")
        } else if phase == .running, before == .paused {
            events.append("unpause")
        }
        followHealth(phase)
        write()
        guard phase == .running else { return }
        SupervisorStep.runningWritten.reach()
        say(StartReport())
        SupervisorStep.reported.reach()
        startLifetime()
    }

    /// The clock runs from when the guest ran first.
    private func startLifetime() {
        guard !isLifetimeRunning, let lifetime = plan.lifetimeMilliseconds else { return }
        isLifetimeRunning = true
        loop.schedule(milliseconds: Int(clamping: lifetime), handler: self, source: Source.lifetime.rawValue)
    }

    func lifeEnded(_ end: LifeEnd) {
        life = nil
        followHealth(.exited)
        var end = end
        if let endReason { end.error = endReason }
        let isRestartWanted = isRestartWanted && !state.isStopWanted
        self.isRestartWanted = false
        endReason = nil
        // The first start must succeed; a later one is tried again as any life that was short.
        let hasRun = state.startedAt != nil
        let lived = beganRunning.map { (Clock.monotonicNanoseconds - $0) / 1_000_000 } ?? 0
        beganRunning = nil
        guard hasRun, !state.isStopWanted,
            isRestartWanted || plan.restart.allowsRestart(after: end.status, restarts: state.restarts)
        else { return finish(end) }
        state.phase = .restarting
        state.pid = nil
        state.finishedAt = Clock.realtimeNanoseconds
        state.exitStatus = end.status
        state.error = end.error
        state.restarts += 1
        noteEnd(end)
        write()
        loop.schedule(
            milliseconds: Int(clamping: backoff.delay(afterLifeOf: lived)), handler: self,
            source: Source.restart.rawValue)
    }

    /// - Parameter isTold: Whether the life had ended before, and was to be followed by another.
    private func finish(_ end: LifeEnd, isTold: Bool = false) {
        state.phase = .exited
        state.pid = nil
        state.exitStatus = end.status
        if let error = end.error { state.error = error }
        if !isTold {
            state.finishedAt = Clock.realtimeNanoseconds
            noteEnd(end)
        }
        write()
        SupervisorStep.endWritten.reach()
        say(StartReport(failure: end.failure ?? .stopped, message: end.error, exitStatus: end.status))
        loop.stop()
    }

    private func noteEnd(_ end: LifeEnd) {
        events.append(
            "die", [.init("exitStatus", "\(end.status)")] + (state.error.map { [.init("error", $0)] } ?? []))
    }

    // MARK: What others ask

    private func obey(_ request: ControlRequest, _ answer: @escaping ControlServer.Answer) {
        let reply = { [weak self] (error: String?) in
            guard let self else { return }
            answer(ControlAnswer(error: error, state: state))
        }
        switch request.action {
        case .status: reply(nil)
        case .stop:
            stop(request.steps ?? plan.stop)
            reply(nil)
        case .signal:
            let fault = life.map { $0.signalCommand(request.signal ?? 0) } ?? "it does not run"
            if fault == nil { events.append("kill", [.init("signal", "\(request.signal ?? 0)")]) }
            reply(fault)
        case .update: update(request.requests ?? [], reply)
        case .pause, .unpause:
            guard let life else { return reply("it does not run") }
            life.setPaused(request.action == .pause, reply)
        }
    }

    /// What was changed holds in later lives from when the VMM has taken it.
    private func update(_ requests: [PlannedRequest], _ reply: @escaping (String?) -> Void) {
        guard let life else { return reply("it does not run") }
        life.say(requests[...]) { [weak self] fault in
            guard let self, fault == nil else { return reply(fault) }
            guard
                let bytes = try? File.read("\(plan.directory)/\(SupervisorPlan.fileName)"),
                let changed = try? SupervisorPlan(decoding: bytes, skipsUnknownFields: true),
                changed.generation == plan.generation
            else { return reply("its plan cannot be read") }
            plan.requests = changed.requests
            plan.restart = changed.restart
            reply(nil)
        }
    }

    /// Ends the VM for good.
    func stop(_ steps: [StopStep], because reason: String? = nil) {
        if !state.isStopWanted {
            if let reason { state.error = reason }
            let isKill = steps.first?.means == .kill
            events.append(
                isKill ? "kill" : "stop",
                (isKill ? [.init("signal", "9")] : []) + (reason.map { [.init("reason", $0)] } ?? []))
        }
        state.isStopWanted = true
        SupervisorStep.stopAsked.reach()
        if let life { return life.stop(steps) }
        // It waits for its next life: there will be none.
        if state.phase == .restarting {
            finish(LifeEnd(status: state.exitStatus ?? 0, error: state.error), isTold: true)
        }
    }

    /// Ends the present life; what follows is decided as if it had ended by itself.
    func end(_ steps: [StopStep], because reason: String) {
        guard let life, !state.isStopWanted else { return }
        endReason = reason
        life.stop(steps)
    }

    // MARK: What is written down

    func write() {
        state.lostOutput = log.lost
        state.lostConsole = console.lost
        do throws(Errno) { try stateFile.write(state) } catch {
            SupervisorProcess.say("that the VM is \(state.phase.rawValue) cannot be written down: \(error)")
        }
    }

    private func say(_ message: StartReport) {
        guard let report = report.take() else { return }
        try? report.writeAll(message.json(showsNulls: false) + [0x0a])
    }
}

extension LifeEnd {
    /// A life that did not begin.
    fileprivate init(failure: StartReport.Failure, _ message: String) {
        self.init(status: 125, error: message, failure: failure)
    }
}
