/// The body of `PATCH /vm`.
public struct VMStateUpdate: WireModel {
    /// Where the vCPUs are to go.
    public var state: VMState

    /// Each parameter sets the property of its name, which says what it means.
    public init(state: VMState) {
        self.state = state
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "Vm", initial: VMStateUpdate(state: .paused),
        [
            .required("state", \.state)
        ])
}

/// Where the vCPUs of a started microVM can be sent.
public enum VMState: String, WireEnum {
    /// The vCPUs stop.
    case paused = "Paused"
    /// The vCPUs go on.
    case resumed = "Resumed"
}
