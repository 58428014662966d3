internal import Linux

/// The effects of making, starting, stopping and removing a sandbox, in their order. Before the first, between any two of them, and after the last
/// the process can be killed; a test does that for each case that is listed here.
enum SandboxStep: String, CaseIterable, Sendable {
    // Creating.
    case creating, recordWritten, directoryMade, diskMade, copyWritten, created
    // Starting.
    case locked, portsTaken, networkMade, runtimeDirectoryMade, planWritten, supervisorSpawned, supervisorWritten
    case ownerWritten, supervisorReleased, started
    // Stopping.
    case stopping, stopAsked, supervisorEnded, runtimeDirectoryRemoved, networkRemoved, endWritten
    // Removing.
    case removalWritten, filesRemoved, removed

    /// What makes a process come to a step.
    enum Operation: CaseIterable {
        case create, start, stop, remove
    }

    var operation: Operation {
        switch self {
        case .creating, .recordWritten, .directoryMade, .diskMade, .copyWritten, .created: .create
        case .locked, .portsTaken, .networkMade, .runtimeDirectoryMade, .planWritten, .supervisorSpawned,
            .supervisorWritten, .ownerWritten, .supervisorReleased, .started:
            .start
        case .stopping, .stopAsked, .supervisorEnded, .runtimeDirectoryRemoved, .networkRemoved, .endWritten: .stop
        case .removalWritten, .filesRemoved, .removed: .remove
        }
    }

    /// It was taken.
    @Sendable static func reach(_ step: SandboxStep) {
        FaultPoint.reach(step.rawValue)
    }
}
