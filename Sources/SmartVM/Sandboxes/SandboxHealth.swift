internal import FirecrackerClient
internal import SupervisorProtocol

/// A command that tells whether what a sandbox is for works, and when it is run: while the sandbox runs, by its supervisor.
public struct SandboxHealthCheck: Hashable, Sendable, Codable {
    /// What is done to a sandbox that has become unhealthy.
    public enum FailureAction: String, Hashable, Sendable, Codable, CaseIterable {
        /// It is told, no more.
        case none
        /// It is killed; its restart policy decides over what follows.
        case kill
        /// It is stopped and started again, whatever its policy.
        case restart
        /// It is stopped, and stays so.
        case stop
    }

    /// Runs in the guest; the sandbox is healthy if its status is 0.
    public var command: GuestCommand
    // In seconds, so that a configuration that is written down can be read by people.
    private var intervalSeconds: Double
    private var timeoutSeconds: Double
    private var startPeriodSeconds: Double
    /// So many failures one after another make a sandbox unhealthy. Default: 3.
    public var retries: Int
    /// Default: nothing.
    public var onFailure: FailureAction

    /// From the guest's start to the first check, and from the end of a check to the next. Default: 30 seconds.
    public var interval: Duration {
        get { .saturating(seconds: intervalSeconds) }
        set { intervalSeconds = newValue.inSeconds }
    }

    /// A check that takes longer has failed. Default: 30 seconds.
    public var timeout: Duration {
        get { .saturating(seconds: timeoutSeconds) }
        set { timeoutSeconds = newValue.inSeconds }
    }

    /// So long after a start failures do not count, until a check has succeeded. Default: none.
    public var startPeriod: Duration {
        get { .saturating(seconds: startPeriodSeconds) }
        set { startPeriodSeconds = newValue.inSeconds }
    }

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        _ command: GuestCommand, interval: Duration = .seconds(30), timeout: Duration = .seconds(30), retries: Int = 3,
        startPeriod: Duration = .zero, onFailure: FailureAction = .none
    ) {
        self.command = command
        intervalSeconds = interval.inSeconds
        timeoutSeconds = timeout.inSeconds
        startPeriodSeconds = startPeriod.inSeconds
        self.retries = retries
        self.onFailure = onFailure
    }
}

/// How a ``Sandbox`` does, as its checks have found.
public struct SandboxHealth: Hashable, Sendable, Codable {
    /// What the checks say.
    public enum Status: String, Hashable, Sendable, Codable {
        /// No check has told yet.
        case starting
        /// The last check succeeded, or not enough have failed since.
        case healthy
        /// Too many have failed one after another.
        case unhealthy
    }

    /// One run of the command.
    public struct Check: Hashable, Sendable, Codable {
        /// As RFC 3339 writes it, in UTC.
        public var startedAt: String
        /// Likewise.
        public var finishedAt: String
        /// 124 if its time was over, 125 if the guest could not be asked.
        public var exitStatus: Int
        /// The beginning of what it printed: at most a KiB, and less where that is too much for all of them.
        public var output: String
    }

    /// What the checks say.
    public var status: Status
    /// How many checks have failed since the last that did not.
    public var failingStreak: Int
    /// The last five, the oldest first.
    public var checks: [Check]

    init(_ state: HealthState) {
        status =
            switch state.status {
            case .starting: .starting
            case .healthy: .healthy
            case .unhealthy: .unhealthy
            }
        failingStreak = Int(state.failingStreak)
        checks = state.log.map {
            Check(
                startedAt: Timestamp(nanoseconds: $0.startedAt).text,
                finishedAt: Timestamp(nanoseconds: $0.finishedAt).text, exitStatus: Int($0.exitStatus),
                output: $0.output)
        }
    }
}

extension SandboxHealthCheck {
    /// As the supervisor takes it.
    ///
    /// - Throws: `INVALID_CONFIG`.
    func plan() throws(SmartVMError) -> HealthCheck {
        guard interval >= .milliseconds(1), timeout >= .milliseconds(1), retries >= 1 else {
            throw SmartVMError(
                .invalidConfiguration, "A health check needs an interval, a timeout and at least one retry.",
                cure: "Leave out what is 0: the defaults are 30 seconds and 3.")
        }
        let action: HealthCheck.FailureAction =
            switch onFailure {
            case .none: .none
            case .kill: .kill
            case .restart: .restart
            case .stop: .stop
            }
        return HealthCheck(
            command: PlannedCommand(try command.request()), intervalMilliseconds: interval.inMilliseconds,
            timeoutMilliseconds: timeout.inMilliseconds, retries: UInt32(clamping: retries),
            startMilliseconds: startPeriod.inMilliseconds, onFailure: action)
    }
}

extension SandboxConfig {
    /// - Throws: `INVALID_CONFIG` if what surrounds its life cannot be.
    func checkLife() throws(SmartVMError) {
        _ = try health?.plan()
        if health != nil, !hasAgent {
            throw SmartVMError(
                .invalidConfiguration, "A health check needs the agent in the guest.", cure: "Leave the check out.")
        }
        if removesAtEnd, restart != .never {
            throw SmartVMError(
                .invalidConfiguration, "A VM that is removed at its end cannot be started again.",
                cure: "Leave out --rm, or --restart.")
        }
    }
}
