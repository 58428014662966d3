/// The body of `PUT /actions`.
public struct ActionRequest: WireModel {
    /// What to do.
    public var actionType: InstanceAction

    public init(actionType: InstanceAction) {
        self.actionType = actionType
    }

    public static let schema = Schema(
        "ActionBody", initial: ActionRequest(actionType: .flushMetrics),
        [
            .required("action_type", \.actionType)
        ])
}

/// What can be asked of a microVM as a whole.
public enum InstanceAction: String, WireEnum {
    case flushMetrics = "FlushMetrics"
    case instanceStart = "InstanceStart"
    /// x86_64 only.
    case sendCtrlAltDel = "SendCtrlAltDel"
}
