internal import FirecrackerClient
internal import GuestProtocol
internal import Synchronization

/// A command that runs in a guest: what comes out of it, read by one task.
///
/// A reader that does not read makes the command wait when it writes, as a pipe would.
public final class GuestProcess {
    private let reader: FrameReader
    private let credit: StandardInputCredit
    private var ended = false

    /// What goes into the command; may be used from other tasks.
    public let input: GuestProcessInput

    init(reader: FrameReader, writer: FrameWriter) {
        self.reader = reader
        credit = StandardInputCredit()
        input = GuestProcessInput(writer: writer, credit: credit)
    }

    /// The next event, or nil after `.ended`.
    ///
    /// - Throws: ``SmartVMError`` with `GUEST_UNREACHABLE` if the connection breaks before the command has ended.
    public func nextEvent() async throws -> GuestCommandEvent? {
        if ended { return nil }
        while let message = try await reader.next(ExecOutput.self) {
            switch message {
            case .started(let pid, let microseconds):
                return .started(pid: pid, guestUptime: .microseconds(microseconds))
            case .stdout(let bytes): return .standardOutput(bytes)
            case .stderr(let bytes): return .standardError(bytes)
            case .stdinCredit(let bytes): credit.grant(Int(bytes))
            case .exited(let status): return end(.exited(status))
            case .signaled(let number): return end(.signaled(number))
            case .failed(let status, let message): return end(.notStarted(status: status, reason: message))
            }
        }
        credit.close()
        throw SmartVMError(
            .guestUnreachable, "The guest broke off the connection while a command was running.",
            cure: "The guest has stopped or crashed; its console may say why.")
    }

    private func end(_ ending: GuestCommandEnding) -> GuestCommandEvent {
        ended = true
        credit.close()
        return .ended(ending)
    }
}

/// The way into a command that runs in a guest.
public struct GuestProcessInput: Sendable {
    private let writer: FrameWriter
    private let credit: StandardInputCredit

    init(writer: FrameWriter, credit: StandardInputCredit) {
        self.writer = writer
        self.credit = credit
    }

    /// Writes to the standard input; waits while the command does not read. Nothing happens once it has ended.
    public func write(_ bytes: some Collection<UInt8> & Sendable) async throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = try await credit.take(upTo: min(rest.count, FrameType.maximumData))
            if count == 0 { return }
            try await writer.write(ExecInput.stdin(Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
    }

    /// The command reads the end of its standard input.
    public func closeStandardInput() async throws {
        try await writer.write(ExecInput.stdinClosed)
    }

    /// Sends a signal, by Linux's number, to the command and the processes that it started.
    public func signal(_ number: Int32) async throws {
        try await writer.write(ExecInput.signal(number))
    }

    /// Tells the command's terminal its new size.
    public func resize(_ size: GuestCommand.TerminalSize) async throws {
        try await writer.write(ExecInput.resize(.init(rows: size.rows, columns: size.columns)))
    }
}

/// How many bytes of standard input the guest will still take: it grants them, so that signals never wait behind input that the
/// command does not read.
final class StandardInputCredit: Sendable {
    private struct State {
        var available = 0
        var closed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func grant(_ bytes: Int) {
        resume { $0.available += bytes }
    }

    /// Nothing will be taken any more.
    func close() {
        resume { $0.closed = true }
    }

    private func resume(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Takes as much as there is, at most `limit`, waiting for at least one byte. 0: the command takes nothing any more.
    func take(upTo limit: Int) async throws -> Int {
        while true {
            try Task.checkCancellation()
            let taken: Int? = state.withLock { state in
                if state.closed { return 0 }
                guard state.available > 0 else { return nil }
                let count = min(limit, state.available)
                state.available -= count
                return count
            }
            if let taken { return taken }
            await waitForChange()
        }
    }

    private func waitForChange() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state in
                    if state.available > 0 || state.closed || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            resume { _ in }
        }
    }
}
