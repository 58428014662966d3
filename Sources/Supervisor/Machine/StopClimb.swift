internal import SupervisorProtocol

/// Which means of stopping comes next, and until when it has time: from the gentlest to SIGKILL, which is always the last.
struct StopClimb {
    private var steps: [StopStep]
    /// The one that was tried last.
    private(set) var present: StopStep?

    init(_ steps: [StopStep]) {
        self.steps = steps.filter { $0.means != .kill } + [StopStep(.kill, milliseconds: 0)]
    }

    /// The next means; nil after SIGKILL, which needs no other.
    mutating func next() -> StopStep? {
        guard !steps.isEmpty else { return nil }
        present = steps.removeFirst()
        return present
    }
}
