internal import FirecrackerAPI
internal import Glibc
internal import GuestProtocol
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// What a life tells whoever runs it.
protocol LifeObserver: AnyObject {
    func lifeChanged(_ phase: LifeState.Phase, pid: Int32)
    func lifeEnded(_ end: LifeEnd)
}

/// One life of a VM: from the start of its VMM to the end of it.
///
/// Theory of operation. The VMM is this process's child, so its end is seen and its status known, and it dies with this process. The
/// steps follow one from another on the loop: the requests over the API, the guest's hello, the command. Whatever fails is noted
/// and the VMM is ended; there is one end, ``vmmEnded()``, which says from all that was noted how the life has ended.
final class Life: EventHandler {
    private enum Source: UInt8 {
        case vmm, console, bootTime, stopStep, loss
    }

    /// How long a guest whose agent has gone may take to end, in ms: file systems are written out in this time.
    private static let lossPatience = 10_000
    /// How long a VMM may take to let a paused guest run on before it is stopped by other means, in ms.
    private static let resumePatience = 1000

    private let plan: SupervisorPlan
    private let loop: EventLoop
    private let console: RotatedFile
    private let log: CommandLog
    private weak var observer: (any LifeObserver)?

    private let vmm: VMMChild
    private let api: APIClient
    private var session: SessionServer?
    private var command: CommandRun?
    private var evidence: LifeEnd.Evidence
    private var phase = LifeState.Phase.starting
    private var bootTimer: UInt64?
    private var climb: StopClimb?
    private var stopTimer: UInt64?
    private var lossTimer: UInt64?
    private var registrations: [EventLoop.Registration] = []
    private var consoleRegistration: EventLoop.Registration?

    /// Starts the VMM. What follows happens on the loop.
    init(
        _ plan: SupervisorPlan, loop: EventLoop, console: RotatedFile, log: RotatedFile, observer: any LifeObserver
    ) throws(Errno) {
        self.plan = plan
        self.loop = loop
        self.console = console
        self.log = CommandLog(log)
        self.observer = observer
        evidence = LifeEnd.Evidence(vmm: .exited(0), hasCommand: plan.command != nil)
        vmm = try VMMChild(plan)
        api = APIClient(loop: loop, path: plan.apiSocket)
        registrations = [
            try loop.add(vmm.process.descriptor, [.readable], handler: self, source: Source.vmm.rawValue)
        ]
        consoleRegistration = try loop.add(
            vmm.console.rawValue, [.readable], handler: self, source: Source.console.rawValue)
        session = try SessionServer(at: plan.sessionSocket, guest: plan.guest, loop: loop) { [weak self] failures in
            self?.guestConfigured(failures)
        }
        SupervisorStep.sessionListening.reach()
        bootTimer = loop.schedule(
            milliseconds: Int(clamping: plan.bootMilliseconds), handler: self, source: Source.bootTime.rawValue)
        sendRequests(plan.requests[...])
    }

    var pid: Int32 { vmm.process.pid }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .vmm: vmmEnded()
        case .console: readConsole()
        case .bootTime:
            bootTimer = nil
            fail(.bootFailed, "The guest did not answer within \(plan.bootMilliseconds / 1000) seconds.")
        case .stopStep:
            stopTimer = nil
            climbOn()
        case .loss: lost()
        case nil: break
        }
    }

    // MARK: The start

    private func sendRequests(_ requests: ArraySlice<PlannedRequest>) {
        guard let request = requests.first else {
            SupervisorStep.guestStarted.reach()
            if !plan.hasAgent { run() }
            return
        }
        api.send(request) { [weak self] outcome in
            guard let self else { return }
            switch outcome {
            case .done:
                SupervisorStep.requestAnswered.reach()
                sendRequests(requests.dropFirst())
            case .refused(let words): fail(.apiError, "The VMM refused \(request.method) \(request.path): \(words)")
            case .broken(let why): fail(.vmmFailed, "The VM could not be configured: \(why).")
            }
        }
    }

    private func guestConfigured(_ failures: [String]) {
        guard phase == .starting, command == nil, climb == nil else { return }
        if !failures.isEmpty {
            // The words are a guest's, which may be hostile.
            let words = failures.prefix(8).map { "\n  \(GuestWords.shown(String($0.prefix(400))))" }.joined()
            return fail(.bootFailed, "The guest cannot be made what it is to be:\(words)")
        }
        SupervisorStep.guestConfigured.reach()
        guard let planned = plan.command else { return run() }
        do throws(Errno) {
            command = try CommandRun(planned, vsockSocket: plan.vsockSocket, output: log, loop: loop) { [weak self] in
                self?.commandReported($0)
            }
        } catch {
            fail(.bootFailed, "The guest cannot be reached: \(error).")
        }
    }

    private func commandReported(_ event: CommandRun.Event) {
        switch event {
        case .started:
            SupervisorStep.commandStarted.reach()
            run()
        case .ended(let status):
            evidence.commandStatus = status
            // It was the VM's purpose.
            if climb == nil { stop(plan.stop) }
        case .failed(let status, let message):
            evidence.commandStatus = status
            fail(.commandFailed, GuestWords.shown(message))
        case .lost(let why):
            guard climb == nil else { return }
            // The guest is shutting down, and its VMM ends in a moment; or the agent has ended, and it does not.
            evidence.loss = "The command was lost: \(why)."
            lossTimer = loop.schedule(milliseconds: Self.lossPatience, handler: self, source: Source.loss.rawValue)
        }
    }

    /// Waits no longer for the VMM to end by itself after its command was lost.
    private func lost() {
        lossTimer = nil
        if climb == nil, let loss = evidence.loss { fail(.bootFailed, loss) }
    }

    private func run() {
        guard phase == .starting, climb == nil else { return }
        if let bootTimer { loop.cancel(timer: bootTimer) }
        bootTimer = nil
        evidence.hasRun = true
        enter(.running)
    }

    private func enter(_ phase: LifeState.Phase) {
        self.phase = phase
        observer?.lifeChanged(phase, pid: pid)
    }

    private func fail(_ kind: StartReport.Failure, _ message: String) {
        if evidence.failure == nil { evidence.failure = (kind, GuestWords.shown(message, keepsLines: true)) }
        guard climb == nil else { return }
        stop([StopStep(.terminate, milliseconds: 3000)])
    }

    // MARK: What others want

    /// Stops the VM; the latest wish counts.
    func stop(_ steps: [StopStep]) {
        if let stopTimer { loop.cancel(timer: stopTimer) }
        stopTimer = nil
        climb = StopClimb(steps)
        guard phase == .paused, steps.first?.means == .guest else { return climbOn() }
        // A guest that does not run could not do what it is asked. A VMM that does not let it run on is climbed over all the same.
        stopTimer = loop.schedule(
            milliseconds: Self.resumePatience, handler: self, source: Source.stopStep.rawValue)
        api.send(.state("Resumed")) { [weak self] _ in
            guard let self, climb?.present == nil else { return }
            if let timer = stopTimer.take() { loop.cancel(timer: timer) }
            climbOn()
        }
        phase = .running
    }

    /// Says requests to the VMM, one after another.
    ///
    /// - Parameter then: Told why not; nil if all were taken.
    func say(_ requests: ArraySlice<PlannedRequest>, _ then: @escaping (String?) -> Void) {
        guard let request = requests.first else { return then(nil) }
        guard phase == .running || phase == .paused, climb == nil else {
            return then("it is \(climb == nil ? phase.rawValue : "stopping")")
        }
        api.send(request) { [weak self] outcome in
            switch outcome {
            case .done:
                guard let self else { return then("it has ended") }
                say(requests.dropFirst(), then)
            case .refused(let words), .broken(let words): then("\(request.method) \(request.path): \(words)")
            }
        }
    }

    /// - Returns: Why not; nil if it was sent.
    func signalCommand(_ number: UInt32) -> String? {
        guard let command else { return "it has no command that could get a signal" }
        return command.signal(number) ? nil : "its command does not run"
    }

    /// - Parameter then: Told why not; nil if it was done.
    func setPaused(_ isPaused: Bool, _ then: @escaping (String?) -> Void) {
        guard phase == (isPaused ? .running : .paused), climb == nil else {
            return then("it is \(climb == nil ? phase.rawValue : "stopping")")
        }
        api.send(.state(isPaused ? "Paused" : "Resumed")) { [weak self] outcome in
            switch outcome {
            case .done:
                guard let self else { return then("it has ended") }
                if !isPaused { _ = session?.send(.setTime(nanoseconds: Clock.realtimeNanoseconds)) }
                guard climb == nil else {
                    // It is stopped meanwhile, and a guest that does not run could not do what it is asked.
                    if isPaused { api.send(.state("Resumed")) { _ in } }
                    return then("it is stopping")
                }
                enter(isPaused ? .paused : .running)
                then(nil)
            case .refused(let words), .broken(let words): then(words)
            }
        }
    }

    // MARK: The end

    private func climbOn() {
        if phase != .stopping { enter(.stopping) }
        while let step = climb?.next() {
            evidence.means = step.means
            guard pull(step) else { continue }
            SupervisorStep.stopStepTaken.reach()
            guard step.means != .kill else { return }
            stopTimer = loop.schedule(
                milliseconds: Int(clamping: step.milliseconds), handler: self, source: Source.stopStep.rawValue)
            return
        }
    }

    /// - Returns: Whether it could be tried.
    private func pull(_ step: StopStep) -> Bool {
        switch step.means {
        case .guest:
            // What its command has left behind when that has ended is not waited for so long.
            let hasPurpose = evidence.commandStatus == nil
            return session?.send(
                .shutdown(
                    .powerOff,
                    graceMilliseconds: hasPurpose
                        ? Shutdown.grace(ofMilliseconds: step.milliseconds) : Shutdown.shortGrace)) ?? false
        case .ctrlAltDel:
            guard evidence.hasRun else { return false }
            api.send(PlannedRequest(.sendCtrlAltDel)) { _ in }
        case .terminate: vmm.process.kill(SIGTERM)
        case .kill: vmm.process.kill(SIGKILL)
        }
        return true
    }

    private func readConsole() {
        guard let bytes = vmm.readConsole() else { return }
        // At the end of all writers there is always something to be read: nothing.
        if bytes.isEmpty, let registration = consoleRegistration.take() { return loop.remove(registration) }
        console.append(bytes)
    }

    private func vmmEnded() {
        guard let ending = try? vmm.process.reap() else { return }
        evidence.vmm = ending
        SupervisorStep.vmmEnded.reach()
        // What others of its session are still printing comes until they have ended.
        vmm.endSession()
        SupervisorStep.sessionEnded.reach()
        while let bytes = vmm.readConsole(), !bytes.isEmpty { console.append(bytes) }
        command?.drain()
        console.noteGap()
        log.noteGap()
        for registration in registrations + [consoleRegistration.take()].compactMap({ $0 }) {
            loop.remove(registration)
        }
        registrations = []
        for timer in [bootTimer, stopTimer, lossTimer].compactMap({ $0 }) { loop.cancel(timer: timer) }
        session?.close()
        session = nil
        api.close()
        observer?.lifeEnded(LifeEnd(evidence))
    }
}

extension SupervisorPlan {
    /// Where the guest's agent arrives.
    var sessionSocket: String { "\(vsockSocket)_\(VsockPort.session)" }
}

extension PlannedRequest {
    static func state(_ state: String) -> PlannedRequest {
        var body = JSONObject()
        body["state"] = .string(state)
        return PlannedRequest(method: "PATCH", path: "/vm", body: .object(body))
    }

    fileprivate init(_ action: InstanceAction) {
        var body = JSONObject()
        body["action_type"] = .string(action.rawValue)
        self.init(method: "PUT", path: "/actions", body: .object(body))
    }
}
