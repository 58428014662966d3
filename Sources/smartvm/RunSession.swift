import ArgumentParser
import Dispatch
import Glibc
import SmartVM
import Synchronization

/// One `smartvm run`: the VM's life, the command's streams, the person's signals and the clock, whichever ends it first.
struct RunSession: Sendable {
    let configuration: VMConfig
    let command: GuestCommand
    let vmm: String?
    let bootTimeout: Duration
    let timeout: Duration?
    let showsConsole: Bool
    let showsTimings: Bool
    let interaction: Interaction

    /// As timeout(1) reports it.
    private static let timeoutStatus: Int32 = 124

    private enum Outcome: Sendable {
        case ended(GuestCommandEnding)
        case outputFailed(stream: String, error: Int32)
        case interrupted(signal: Int32)
        case timedOut
    }

    /// The exit status, once nothing of the VM is left.
    func run() async throws -> Int32 {
        let smartVM = try SmartVM(SmartVMOptions(vmm: vmm))
        let signals = SignalEvents([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH])
        let input = StartedInput()

        let outcome = try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask { try await runInVM(smartVM, input) }
            group.addTask { await forward(signals.stream, to: input) }
            if let timeout {
                group.addTask {
                    try await Task.sleep(for: timeout)
                    return .timedOut
                }
            }
            defer { group.cancelAll() }
            // The first task to end decides; leaving the group waits for the VM to be gone.
            guard let outcome = try await group.next() else { throw CancellationError() }
            return outcome
        }

        switch outcome {
        case .ended(let ending):
            if case .notStarted(_, let reason) = ending { StandardError.print("smartvm: \(reason)") }
            return ending.shellStatus
        case .outputFailed(_, EPIPE): return 128 + SIGPIPE
        case .outputFailed(let stream, let error):
            let cause = String(cString: strerror(error))
            StandardError.print("smartvm: \(stream) cannot be written: \(cause); the VM was ended")
            return SmartVMCommand.failureStatus
        case .interrupted(let signal): return 128 + signal
        case .timedOut:
            StandardError.print("smartvm: the time of \(timeout ?? .zero) is over; the VM was ended")
            return Self.timeoutStatus
        }
    }

    /// The way into the command, once there is one.
    private final class StartedInput: Sendable {
        private let input = Mutex<GuestProcessInput?>(nil)

        var value: GuestProcessInput? {
            get { input.withLock { $0 } }
            set { input.withLock { $0 = newValue } }
        }
    }

    private func runInVM(_ smartVM: SmartVM, _ input: StartedInput) async throws -> Outcome {
        let console: (@Sendable ([UInt8]) -> Void)? =
            if showsConsole { { @Sendable bytes in StandardError.write(bytes) } } else { nil }
        let progress = ImageProgressReporter()
        return try await smartVM.withVM(
            configuration,
            StartOptions(bootTimeout: bootTimeout, console: console, imageProgress: { progress.report($0) })
        ) { vm in
            if showsTimings { await report(vm) }
            return try await interaction.withRawTerminal {
                try await vm.withProcess(command) { process in
                    input.value = process.input
                    return try await stream(process)
                }
            }
        }
    }

    /// Passes the streams on until the command has ended.
    private func stream(_ process: GuestProcess) async throws -> Outcome {
        let feeder = interaction.passesInput ? feed(process.input) : nil
        defer { feeder?.cancel() }
        let standardOutput = OutputStream(descriptor: 1)
        let standardError = OutputStream(descriptor: 2)
        while let event = try await process.nextEvent() {
            switch event {
            case .started(_, let uptime):
                if showsTimings {
                    StandardError.print("smartvm: command started at \(uptime.seconds) s of the guest's clock")
                }
            case .standardOutput(let bytes):
                let error = await standardOutput.write(bytes)
                if error != 0 { return .outputFailed(stream: "standard output", error: error) }
            case .standardError(let bytes):
                let error = await standardError.write(bytes)
                if error != 0 { return .outputFailed(stream: "standard error", error: error) }
            case .ended(let ending): return .ended(ending)
            }
        }
        throw CancellationError()
    }

    private func report(_ vm: MicroVM) async {
        let ready = await vm.guestBootTime ?? .zero
        StandardError.print("smartvm: guest ready at \(ready.seconds) s of its clock")
    }

    private func feed(_ input: GuestProcessInput) -> Task<Void, Never> {
        Task {
            for await piece in StandardInput.pieces() {
                guard (try? await input.write(piece)) != nil else { return }
            }
            try? await input.closeStandardInput()
        }
    }

    /// Passes signals on to the command. Returns when the VM is to be ended instead: on the second Ctrl-C, or the first that comes
    /// before there is a command; likewise for SIGTERM and SIGHUP.
    private func forward(_ signals: AsyncStream<Int32>, to started: StartedInput) async -> Outcome {
        var interrupts = 0
        for await signal in signals {
            if signal == SIGWINCH {
                if let size = Interaction.currentSize(), command.terminal != nil {
                    try? await started.value?.resize(size)
                }
                continue
            }
            if [SIGINT, SIGTERM, SIGHUP].contains(signal) { interrupts += 1 }
            guard let input = started.value, interrupts < 2 else { return .interrupted(signal: signal) }
            // A command that reads nothing must not keep a second Ctrl-C from being heard.
            Task { try? await input.signal(signal) }
        }
        // The stream ends with the task.
        return .interrupted(signal: SIGINT)
    }
}

extension Duration {
    /// Seconds with three decimals.
    fileprivate var seconds: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
