internal import Linux
internal import SupervisorProtocol

/// How a life of a VM has ended.
struct LifeEnd: Equatable {
    /// As shells report it.
    var status: UInt32
    /// Why, if it ended in another way than it should.
    var error: String?
    /// Why it never ran; nil if it did.
    var failure: StartReport.Failure?

    init(status: UInt32, error: String? = nil, failure: StartReport.Failure? = nil) {
        self.status = status
        self.error = error
        self.failure = failure
    }

    /// What decides over the end.
    struct Evidence {
        var vmm: ChildProcess.Ending
        var hasCommand = false
        /// The command's, if it has ended.
        var commandStatus: UInt32?
        /// The means of stopping that was tried last.
        var means: StopStep.Means?
        /// What was found wrong before the VMM ended.
        var failure: (kind: StartReport.Failure, message: String)?
        var hasRun = false
        /// How the connection to the command broke, if it did before the command or the VMM had ended.
        var loss: String?
    }

    init(_ evidence: Evidence) {
        self.init(status: 125)
        if let (kind, message) = evidence.failure {
            error = kind == .vmmFailed ? "\(message) It \(Self.words(evidence.vmm))." : message
            failure = kind
            status = evidence.commandStatus ?? 125
            return
        }
        if !evidence.hasRun, evidence.means == nil {
            failure = .vmmFailed
            error = "The VM ended before it ran: the VMM \(Self.words(evidence.vmm))."
            return
        }
        if !evidence.hasRun {
            failure = .stopped
            error = "It was stopped before it ran."
        }
        if let commandStatus = evidence.commandStatus {
            status = commandStatus
        } else if let means = evidence.means {
            status =
                switch means {
                case .guest, .ctrlAltDel: evidence.hasCommand ? 143 : 0
                case .terminate: 143
                case .kill: 137
                }
        } else if evidence.vmm == .exited(0) {
            status = evidence.hasCommand ? 255 : 0
            if evidence.hasCommand { error = "The guest shut down before its command had ended." }
        } else {
            if case .signaled(let number) = evidence.vmm { status = 128 + UInt32(clamping: number) }
            error = "The VMM \(Self.words(evidence.vmm))."
        }
    }

    private static func words(_ ending: ChildProcess.Ending) -> String {
        switch ending {
        case .exited(let status): "ended with status \(status)"
        case .signaled(let number): "was killed by signal \(number)"
        }
    }
}
