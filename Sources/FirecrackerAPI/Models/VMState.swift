/// The body of `PATCH /vm`.
public struct VMStateUpdate: WireModel {
    /// Where the vCPUs are to go.
    public var state: VMState

    public init(state: VMState) {
        self.state = state
    }

    public static let schema = Schema(
        "Vm", initial: VMStateUpdate(state: .paused),
        [
            .required("state", \.state)
        ])
}

/// Where the vCPUs of a started microVM can be sent.
public enum VMState: String, WireEnum {
    case paused = "Paused"
    case resumed = "Resumed"
}
