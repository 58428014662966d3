package import FirecrackerAPI

/// What is asked of a supervisor: a line of JSON on its control socket, which answers with a line.
package struct ControlRequest: WireModel {
    package enum Action: String, WireEnum {
        /// Climbs the steps. Answered at once; the end of the supervisor is the end of the VM.
        case stop
        /// Sends a signal to the command.
        case signal
        case pause, unpause
        /// Asks for the state alone.
        case status
        /// Says requests to the VMM, and takes the requests and the restart policy of later lives from the plan's file, which is another now.
        /// The first request that is refused ends it.
        case update
    }

    package var action: Action
    /// To ``Action/stop``: in place of the plan's.
    package var steps: [StopStep]?
    /// To ``Action/signal``: Linux's number.
    package var signal: UInt32?
    /// To ``Action/update``: what the VMM is asked now.
    package var requests: [PlannedRequest]?

    package init(
        _ action: Action, steps: [StopStep]? = nil, signal: UInt32? = nil, requests: [PlannedRequest]? = nil
    ) {
        self.action = action
        self.steps = steps
        self.signal = signal
        self.requests = requests
    }

    package static let schema = Schema(
        "ControlRequest", initial: ControlRequest(.status),
        [
            .required("action", \.action), .optional("steps", \.steps), .optional("signal", \.signal),
            .optional("requests", \.requests),
        ])

    /// The socket's name in the VM's runtime directory.
    package static let socketName = "control.sock"
    /// Of a request, in bytes.
    package static let maximumLength = 64 << 10
}

/// The answer to a ``ControlRequest``.
package struct ControlAnswer: WireModel {
    /// Why it was not done; nil: it was.
    package var error: String?
    package var state: LifeState

    package init(error: String? = nil, state: LifeState) {
        self.error = error
        self.state = state
    }

    package static let schema = Schema(
        "ControlAnswer", initial: ControlAnswer(state: LifeState(generation: 0, phase: .starting)),
        [.optional("error", \.error), .required("state", \.state)])
}

/// What a supervisor says, once, to whoever has started it: that the VM runs, or why it does not.
package struct StartReport: WireModel {
    package enum Failure: String, WireEnum {
        /// The VMM could not be run, or has ended too early.
        case vmmFailed = "vmm_failed"
        /// The VMM has refused a request.
        case apiError = "api_error"
        /// The guest did not come up.
        case bootFailed = "boot_failed"
        /// The command could not be run.
        case commandFailed = "command_failed"
        /// Somebody has stopped it meanwhile.
        case stopped
        /// The disk of the VM's directory is full.
        case noSpace = "no_space"
        /// The VM's directory cannot be used.
        case hostFailed = "host_failed"
    }

    package var failure: Failure?
    package var message: String?
    /// The status of a command that could not be run.
    package var exitStatus: UInt32?

    package init(failure: Failure? = nil, message: String? = nil, exitStatus: UInt32? = nil) {
        self.failure = failure
        self.message = message
        self.exitStatus = exitStatus
    }

    package static let schema = Schema(
        "StartReport", initial: StartReport(),
        [.optional("failure", \.failure), .optional("message", \.message), .optional("exit_status", \.exitStatus)])
}
