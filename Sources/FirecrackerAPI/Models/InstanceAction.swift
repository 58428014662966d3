/// The body of `PUT /actions`.
public struct ActionRequest: WireModel {
    /// What to do.
    public var actionType: InstanceAction

    /// Each parameter sets the property of its name, which says what it means.
    public init(actionType: InstanceAction) {
        self.actionType = actionType
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "ActionBody", initial: ActionRequest(actionType: .flushMetrics),
        [
            .required("action_type", \.actionType)
        ])
}

/// What can be asked of a microVM as a whole.
public enum InstanceAction: String, WireEnum {
    /// Writes the metrics now.
    case flushMetrics = "FlushMetrics"
    /// Boots what was configured.
    case instanceStart = "InstanceStart"
    /// x86_64 only.
    case sendCtrlAltDel = "SendCtrlAltDel"
}
