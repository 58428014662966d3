/// What a supervisor does, in its order. After each step it can be killed, or what runs below it; a test does that.
package enum SupervisorStep: String, CaseIterable, Sendable {
    // Starting.
    case stateWritten, controlListening, vmmMade, vmmWritten, vmmReleased, sessionListening
    case requestAnswered, guestStarted, guestConfigured, commandStarted, runningWritten, reported
    // Ending.
    case stopAsked, stopStepTaken, vmmEnded, sessionEnded, endWritten
    // At any time.
    case logRotated

    /// When it comes to a step.
    package enum Operation {
        case starting, ending, any
    }

    package var operation: Operation {
        switch self {
        case .stateWritten, .controlListening, .vmmMade, .vmmWritten, .vmmReleased, .sessionListening, .requestAnswered,
            .guestStarted, .guestConfigured, .commandStarted, .runningWritten, .reported:
            .starting
        case .stopAsked, .stopStepTaken, .vmmEnded, .sessionEnded, .endWritten: .ending
        case .logRotated: .any
        }
    }

    /// What `SMARTVM_FAULT` calls it.
    package var faultName: String { "supervisor.\(rawValue)" }
}
