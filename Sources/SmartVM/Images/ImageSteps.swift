internal import Synchronization

/// Turns the steps of a build into one fraction that only grows.
final class ImageSteps: Sendable {
    private struct State {
        var step = ""
        /// Where the current step began and where it will end.
        var start = 0.0
        var end = 0.0
        var reported = 0.0
        /// Of the current step.
        var bytes: Int64 = 0
        /// Thrown by the handler from within a step, where it cannot be passed on.
        var refusal: (any Error)?
    }

    private let state = Mutex(State())
    private let handler: ImageProgress.Handler

    init(_ handler: @escaping ImageProgress.Handler) {
        self.handler = handler
    }

    /// Ends the current step and begins another one, at the end of which `fraction` of all is done.
    func begin(_ step: String, upTo fraction: Double) throws {
        let report = try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            (state.step, state.start, state.end, state.bytes) = (step, state.end, max(state.end, fraction), 0)
            state.reported = max(state.reported, state.start)
            return ImageProgress(step: step, fraction: state.reported)
        }
        try handler(report)
    }

    /// Reports the part of the current step that is done, from 0 to 1.
    func within(_ part: Double) {
        do { try tell(part: part) } catch { state.withLock { $0.refusal = error } }
    }

    /// Reports the bytes of the current step that are done.
    ///
    /// - Throws: what the handler throws.
    func within(bytes done: Int64, of total: Int64?) throws {
        let part = total.map { $0 > 0 ? Double(done) / Double($0) : 1 } ?? 0
        try tell(part: part, bytes: done, of: total)
    }

    /// A step that has no end that is known tells its bytes, a mebibyte at a time.
    private func tell(part: Double, bytes: Int64? = nil, of total: Int64? = nil) throws {
        let report: ImageProgress? = state.withLock { state in
            let fraction = state.start + (state.end - state.start) * min(max(part, 0), 1)
            let isNews = fraction - state.reported >= 0.005 || (bytes ?? 0) - state.bytes >= 1 << 20
            guard isNews else { return nil }
            state.reported = max(state.reported, fraction)
            state.bytes = bytes ?? 0
            return ImageProgress(
                step: state.step, fraction: state.reported, completedBytes: bytes, totalBytes: total)
        }
        if let report { try handler(report) }
    }
}
