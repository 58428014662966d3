/// Stops something by the gentlest means that work, each with its own deadline.
enum StopLadder {
    /// Climbs until something has ended it.
    ///
    /// - Parameter pull: Tries one means for at most so long.
    /// - Returns: What was tried; the last one has ended it, unless not even SIGKILL did.
    static func climb(
        _ policy: StopPolicy, clock: some Clock<Duration> = ContinuousClock(),
        _ pull: (StopRung, _ limit: Duration) async -> StopReport.Outcome
    ) async -> [StopReport.Attempt] {
        var attempts: [StopReport.Attempt] = []
        for rung in StopRung.allCases {
            guard let limit = policy.limit(of: rung) else { continue }
            let start = clock.now
            let outcome = await pull(rung, limit)
            attempts.append(.init(rung: rung, outcome: outcome, duration: start.duration(to: clock.now)))
            if outcome == .ended { break }
        }
        return attempts
    }
}
