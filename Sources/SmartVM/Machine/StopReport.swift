/// How a VM was stopped.
public struct StopReport: Hashable, Sendable {
    /// What one means of stopping a VM has come to.
    public enum Outcome: Hashable, Sendable {
        /// The VMM has ended.
        case ended
        /// It had not ended when the means' time was over.
        case timedOut
        /// The means could not be tried, for this reason.
        case unavailable(String)
    }

    /// One means that was tried.
    public struct Attempt: Hashable, Sendable {
        /// Which one.
        public var rung: StopRung
        /// What it has come to.
        public var outcome: Outcome
        /// How long that took.
        public var duration: Duration
    }

    /// In the order in which they were tried; empty if there was no VMM to stop.
    public var attempts: [Attempt] = []
    /// What could not be given back on the host, a sentence each; later commands try again.
    public var problems: [String] = []
    /// How the VM's life has ended; nil for one that was never started.
    public var exit: VMExit?

    /// The means that ended the VM; nil if there was nothing to end.
    public var endedBy: StopRung? {
        attempts.last.flatMap { $0.outcome == .ended ? $0.rung : nil }
    }
}

/// How a VM's life has ended.
public enum VMExit: Hashable, Sendable {
    /// The guest has shut down, or was reset: its VMM has ended with status 0.
    case guestShutDown
    /// It was stopped, by this means.
    case stopped(StopRung)
    /// It was never up: its start has failed or was given up.
    case startFailed
    /// The VMM has ended by itself with this status, which is not 0.
    case vmmFailed(status: Int32)
    /// Somebody has killed the VMM with this signal.
    case vmmKilled(signal: Int32)
}
