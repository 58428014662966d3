internal import FirecrackerClient

extension MicroVM {
    /// Where a VM is in its life.
    public enum State: String, Hashable, Sendable, CaseIterable {
        /// It was described; nothing of it is on the host.
        case created
        /// Its VMM is being started, or its guest boots.
        case starting
        /// Its vCPUs run.
        case running
        /// Its vCPUs stand still.
        case paused
        /// It was stopped, or its guest has shut down: nothing of it is on the host.
        case stopped
        /// It could not be started, or its VMM broke down: nothing of it is on the host.
        case failed
    }
}

/// What may be done with a VM in which state, and where events take it: pure tables, without any effect.
///
/// An operation is checked before its effect; an event is applied after it. Between the two the VM may have been stopped by somebody
/// else, so an event that does not fit the state is ignored: nothing brings an ended VM back.
struct Lifecycle: Hashable, Sendable {
    /// What callers ask for.
    enum Operation: String, Hashable, Sendable, CaseIterable {
        case start, loadSnapshot, updateMachineConfig
        case pause, resume, createSnapshot
        case runCommand, sendCtrlAltDel
        case updateDevice, plugDevice, useMetadata, readBalloon, flushMetrics
        case waitUntilExit, stop
    }

    /// What has happened.
    enum Event: String, Hashable, Sendable, CaseIterable {
        case startBegan, started, startedPaused
        case paused, resumed
        case stopped, failed
    }

    private(set) var state = MicroVM.State.created
    /// Somebody has begun to end it: nothing else may begin.
    var isEnding = false

    /// The states in which an operation is possible.
    static func states(for operation: Operation) -> [MicroVM.State] {
        switch operation {
        case .start, .loadSnapshot, .updateMachineConfig: [.created]
        case .pause: [.running]
        case .resume, .createSnapshot: [.paused]
        case .runCommand, .sendCtrlAltDel: [.running]
        case .updateDevice, .plugDevice, .useMetadata, .readBalloon, .flushMetrics: [.running, .paused]
        case .waitUntilExit: [.starting, .running, .paused, .stopped, .failed]
        case .stop: MicroVM.State.allCases
        }
    }

    /// Where an event leads; nil where it does not fit.
    static func next(_ state: MicroVM.State, _ event: Event) -> MicroVM.State? {
        switch (state, event) {
        case (.created, .startBegan): .starting
        case (.starting, .started): .running
        case (.starting, .startedPaused): .paused
        case (.running, .paused): .paused
        case (.paused, .resumed): .running
        // A failure stays to be seen.
        case (.failed, .stopped), (.stopped, .failed): nil
        case (_, .stopped): .stopped
        case (_, .failed): .failed
        default: nil
        }
    }

    /// - Throws: `INVALID_STATE`, with the VM's name, its state, and the states in which it would be possible.
    func check(_ operation: Operation, of id: String) throws(SmartVMError) {
        let allowed = Self.states(for: operation)
        if isEnding, operation != .stop, operation != .waitUntilExit, state != .stopped, state != .failed {
            throw SmartVMError(.invalidState, "VM \(id) cannot \(operation.phrase): it is being stopped.")
        }
        guard !allowed.contains(state) else { return }
        let list = allowed.map(\.rawValue).joined(separator: " or ")
        throw SmartVMError(
            .invalidState, "VM \(id) cannot \(operation.phrase): it is \(state.rawValue), not \(list).",
            cure: operation.cure(in: state))
    }

    /// - Returns: Whether the state has changed.
    @discardableResult
    mutating func apply(_ event: Event) -> Bool {
        guard let next = Self.next(state, event), next != state else { return false }
        state = next
        return true
    }
}

extension Lifecycle.Operation {
    /// Completes `VM x cannot …`.
    var phrase: String {
        switch self {
        case .start: "be started"
        case .loadSnapshot: "be restored from a snapshot"
        case .updateMachineConfig: "be given another machine configuration"
        case .pause: "be paused"
        case .resume: "be resumed"
        case .createSnapshot: "be snapshotted"
        case .runCommand: "run a command"
        case .sendCtrlAltDel: "be sent Ctrl-Alt-Del"
        case .updateDevice: "have a device updated"
        case .plugDevice: "have a device plugged in or out"
        case .useMetadata: "have its metadata read or written"
        case .readBalloon: "have its balloon read"
        case .flushMetrics: "write its metrics"
        case .waitUntilExit: "be waited for"
        case .stop: "be stopped"
        }
    }

    func cure(in state: MicroVM.State) -> String? {
        switch (self, state) {
        case (.start, .stopped), (.start, .failed), (.loadSnapshot, .stopped), (.loadSnapshot, .failed):
            "A VM lives once: create another of the same configuration."
        case (_, .created): "Start it first."
        case (.createSnapshot, .running): "Pause it first."
        case (_, .paused): "Resume it first."
        default: nil
        }
    }
}
