/// The effects of making, starting, stopping and removing a sandbox, in their order. Between any two of them the process can be killed; a
/// test does that.
enum SandboxStep: String, CaseIterable, Sendable {
    // Creating.
    case recordWritten, directoryMade, diskMade, created
    // Starting.
    case locked, portsTaken, networkMade, runtimeDirectoryMade, planWritten, supervisorSpawned, ownerWritten,
        supervisorReleased, started
    // Stopping.
    case stopAsked, supervisorEnded, runtimeDirectoryRemoved, networkRemoved, endWritten
    // Removing.
    case removalWritten, filesRemoved, removed
}
