package import FirecrackerAPI

/// Whether a VM that has ended by itself is started again.
package struct RestartPolicy: WireModel {
    package enum Condition: String, WireEnum {
        case never = "no"
        /// Only after a status other than 0.
        case onFailure = "on-failure"
        case always
        /// As `always`: a VM that was stopped is not started again by either.
        case unlessStopped = "unless-stopped"
    }

    package var condition: Condition
    /// How often at most; nil: without end.
    package var limit: UInt32?

    package init(_ condition: Condition = .never, limit: UInt32? = nil) {
        self.condition = condition
        self.limit = limit
    }

    package static let schema = Schema(
        "RestartPolicy", initial: RestartPolicy(),
        [.required("condition", \.condition), .optional("limit", \.limit)])

    /// Whether to start again after an end with this status and so many starts since the first.
    package func allowsRestart(after status: UInt32, restarts: UInt32) -> Bool {
        if let limit, restarts >= limit { return false }
        return switch condition {
        case .never: false
        case .onFailure: status != 0
        case .always, .unlessStopped: true
        }
    }
}
