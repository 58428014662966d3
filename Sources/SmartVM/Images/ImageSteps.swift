internal import Synchronization

/// Turns the steps of a build into one fraction that only grows.
final class ImageSteps: Sendable {
    private struct State {
        var step = ""
        /// Where the current step began and where it will end.
        var start = 0.0
        var end = 0.0
        var reported = 0.0
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
            (state.step, state.start, state.end) = (step, state.end, fraction)
            state.reported = max(state.reported, state.start)
            return ImageProgress(step: step, fraction: state.reported)
        }
        try handler(report)
    }

    /// Reports the part of the current step that is done, from 0 to 1.
    func within(_ part: Double) {
        let report: ImageProgress? = state.withLock { state in
            let fraction = state.start + (state.end - state.start) * min(max(part, 0), 1)
            guard fraction - state.reported >= 0.005 else { return nil }
            state.reported = fraction
            return ImageProgress(step: state.step, fraction: fraction)
        }
        guard let report else { return }
        do { try handler(report) } catch { state.withLock { $0.refusal = error } }
    }
}
