import Dispatch
import Glibc
import Synchronization

/// A descriptor that is written to on a thread that may wait.
struct OutputStream: Sendable {
    private let descriptor: Int32
    private let queue: DispatchQueue

    init(descriptor: Int32) {
        self.descriptor = descriptor
        queue = DispatchQueue(label: "smartvm.output.\(descriptor)")
    }

    /// Writes all of it, and returns 0 or what went wrong, by errno's number: EPIPE if nobody reads any more, ECANCELED if the task
    /// was cancelled: a reader that does not read cannot keep smartvm from cleaning up.
    func write(_ bytes: [UInt8]) async -> Int32 {
        let answer = Answer()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.set(continuation)
                queue.async { answer.give(writeAll(bytes)) }
            }
        } onCancel: {
            answer.give(ECANCELED)
        }
    }

    /// The continuation of one write, resumed once: by the thread that writes, or by the cancellation.
    private final class Answer: Sendable {
        private enum State {
            case new
            case waiting(CheckedContinuation<Int32, Never>)
            case given(Int32)
        }

        private let state = Mutex(State.new)

        func set(_ continuation: CheckedContinuation<Int32, Never>) {
            let early: Int32? = state.withLock { state in
                if case .given(let value) = state { return value }
                state = .waiting(continuation)
                return nil
            }
            if let early { continuation.resume(returning: early) }
        }

        func give(_ value: Int32) {
            let continuation: CheckedContinuation<Int32, Never>? = state.withLock { state in
                defer { if case .given = state {} else { state = .given(value) } }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            continuation?.resume(returning: value)
        }
    }

    private func writeAll(_ bytes: [UInt8]) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    // A terminal or pipe that somebody else made non-blocking.
                    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    Glibc.poll(&poll, 1, -1)
                    continue
                }
                return errno
            }
            rest = rest.dropFirst(count)
        }
        return 0
    }
}
