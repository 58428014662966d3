internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// Asks again and again how the guest of one life does: its command is run, and what comes of it is handed on.
///
/// One check at a time; the next one begins an interval after the end of the last. A VM that is paused is not asked, and a check that the
/// pause has cut short tells nothing.
final class HealthChecker: EventHandler {
    private enum Source: UInt8 {
        case next, timeout
    }

    /// The status of a check that took too long, as timeout(1) has it.
    private static let timeoutStatus: UInt32 = 124
    /// The status of a check that could not be made.
    private static let failureStatus: UInt32 = 125

    private let plan: HealthCheck
    private let vsockSocket: String
    private let loop: EventLoop
    private let report: (HealthState.Check, _ counts: Bool) -> Void
    /// Of the monotonic clock, in nanoseconds.
    private let began = Clock.monotonicNanoseconds
    private var timer: UInt64?
    private var run: CommandRun?
    private var output = HealthOutput()
    private var startedAt: UInt64 = 0

    /// - Parameter report: Gets each result, and whether a failure counts yet.
    init(
        _ plan: HealthCheck, vsockSocket: String, loop: EventLoop,
        report: @escaping (HealthState.Check, _ counts: Bool) -> Void
    ) {
        self.plan = plan
        self.vsockSocket = vsockSocket
        self.loop = loop
        self.report = report
        wake(.next, after: plan.intervalMilliseconds)
    }

    /// Asks no more until ``resume()``.
    func suspend() {
        if let timer { loop.cancel(timer: timer) }
        timer = nil
        run?.close()
        run = nil
    }

    func resume() {
        if timer == nil, run == nil { wake(.next, after: plan.intervalMilliseconds) }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        timer = nil
        switch Source(rawValue: source) {
        case .next: check()
        case .timeout:
            run?.close()
            output.append(
                Array("The check took longer than \(plan.timeoutMilliseconds) ms.".utf8), .standardError)
            finish(Self.timeoutStatus)
        case nil: break
        }
    }

    private func wake(_ source: Source, after milliseconds: UInt64) {
        timer = loop.schedule(milliseconds: Int(clamping: milliseconds), handler: self, source: source.rawValue)
    }

    private func check() {
        startedAt = Clock.realtimeNanoseconds
        output = HealthOutput()
        wake(.timeout, after: plan.timeoutMilliseconds)
        do throws(Errno) {
            run = try CommandRun(plan.command, vsockSocket: vsockSocket, output: output, loop: loop) { [weak self] in
                self?.reported($0)
            }
        } catch {
            output.append(Array("The guest cannot be reached: \(error).".utf8), .standardError)
            finish(Self.failureStatus)
        }
    }

    private func reported(_ event: CommandRun.Event) {
        switch event {
        case .started: break
        case .ended(let status): finish(status)
        case .failed(let status, let message):
            output.append(Array(message.utf8), .standardError)
            finish(status)
        case .lost(let why):
            output.append(Array("The check was lost: \(why).".utf8), .standardError)
            finish(Self.failureStatus)
        }
    }

    private func finish(_ status: UInt32) {
        if let timer { loop.cancel(timer: timer) }
        timer = nil
        run = nil
        let check = HealthState.Check(
            startedAt: startedAt, finishedAt: Clock.realtimeNanoseconds, exitStatus: status, output: output.text)
        wake(.next, after: plan.intervalMilliseconds)
        let age = (Clock.monotonicNanoseconds - began) / 1_000_000
        report(check, age >= plan.startMilliseconds)
    }
}

/// The beginning of what a check prints; the rest is dropped.
final class HealthOutput: CommandOutput {
    private var bytes: [UInt8] = []

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func append(_ more: [UInt8], _ stream: LogRecord.Stream) {
        bytes += more.prefix(HealthState.keptOutput - bytes.count)
    }

    func finish() {}
}
