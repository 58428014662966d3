import ArgumentParser
import Dispatch
import Glibc
import SmartVM
import Synchronization

/// A command in a guest and the person who runs it: the command's streams, the person's signals and the clock, whichever ends it first.
struct CommandInteraction: Sendable {
    let command: GuestCommand
    let interaction: Interaction
    let timeout: Duration?
    let showsTimings: Bool
    /// What ends with the command, for messages.
    let subject: String

    /// As timeout(1) reports it.
    private static let timeoutStatus: Int32 = 124

    enum Outcome: Sendable {
        case ended(GuestCommandEnding)
        case outputFailed(stream: String, error: Int32)
        case interrupted(signal: Int32)
        case timedOut
    }

    /// Passes streams and signals on until the command has ended.
    ///
    /// - Parameter process: Runs the command, gives it to the closure that it is given, and cleans up.
    /// - Returns: The exit status.
    func run(
        _ process: @escaping @Sendable (_ attach: (GuestProcess) async throws -> Outcome) async throws -> Outcome
    ) async throws -> Int32 {
        let signals = SignalEvents([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH])
        let input = StartedInput()

        let outcome = try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask {
                try await process { process in
                    try await interaction.withRawTerminal {
                        input.value = process.input
                        return try await stream(process)
                    }
                }
            }
            group.addTask { await forward(signals.stream, to: input) }
            if let timeout {
                group.addTask {
                    try await Task.sleep(for: timeout)
                    return .timedOut
                }
            }
            defer { group.cancelAll() }
            // The first task to end decides; leaving the group waits for what the other ones clean up.
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
            StandardError.print("smartvm: \(stream) cannot be written: \(cause); the \(subject) was ended")
            return SmartVMCommand.failureStatus
        case .interrupted(let signal): return 128 + signal
        case .timedOut:
            StandardError.print("smartvm: the time of \(timeout ?? .zero) is over; the \(subject) was ended")
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
    var seconds: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
