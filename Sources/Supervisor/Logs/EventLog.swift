internal import FirecrackerAPI
internal import Linux
internal import SupervisorProtocol

/// Writes down what happens to the VM, for whoever reads events: see ``LifeEvent``.
final class EventLog {
    private let file: RotatedFile
    private let generation: UInt64
    private var sequence: UInt64 = 0

    init(_ plan: SupervisorPlan) {
        // Their numbers tell which are missing.
        file = RotatedFile("\(plan.directory)/\(LifeEvent.fileName)", LifeEvent.fileLimit) { _ in [] }
        generation = plan.generation
        // A supervisor that was killed may have left half a line.
        file.completeLastLine()
    }

    func append(_ action: String, _ attributes: [LifeEvent.Attribute] = []) {
        sequence += 1
        let event = LifeEvent(
            generation: generation, sequence: sequence, time: Clock.realtimeNanoseconds, action: action,
            attributes: attributes)
        file.append(event.json(showsNulls: false) + [0x0a])
    }
}
