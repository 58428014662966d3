package import FirecrackerAPI

/// A command that tells whether what a VM is for works, and when it is run.
package struct HealthCheck: WireModel {
    /// What is done to a VM that has become unhealthy.
    package enum FailureAction: String, WireEnum {
        /// It is told, no more.
        case none
        /// The VM is killed; its restart policy decides over what follows.
        case kill
        /// The VM is stopped and started again, whatever its policy.
        case restart
        /// The VM is stopped, and stays so.
        case stop
    }

    package var command: PlannedCommand
    /// From the end of a check to the next one.
    package var intervalMilliseconds: UInt64
    /// A check that takes longer has failed.
    package var timeoutMilliseconds: UInt64
    /// So many failures one after another make a VM unhealthy.
    package var retries: UInt32
    /// From the start of a life; failures in it do not count until a check has succeeded.
    package var startMilliseconds: UInt64
    package var onFailure: FailureAction

    package init(
        command: PlannedCommand, intervalMilliseconds: UInt64 = 30_000, timeoutMilliseconds: UInt64 = 30_000,
        retries: UInt32 = 3, startMilliseconds: UInt64 = 0, onFailure: FailureAction = .none
    ) {
        self.command = command
        self.intervalMilliseconds = intervalMilliseconds
        self.timeoutMilliseconds = timeoutMilliseconds
        self.retries = retries
        self.startMilliseconds = startMilliseconds
        self.onFailure = onFailure
    }

    package static let schema = Schema(
        "HealthCheck", initial: HealthCheck(command: PlannedCommand(arguments: [])),
        [
            .required("command", \.command),
            .required("interval_milliseconds", \.intervalMilliseconds),
            .required("timeout_milliseconds", \.timeoutMilliseconds),
            .required("retries", \.retries),
            .required("start_milliseconds", \.startMilliseconds),
            .defaulted("on_failure", \.onFailure),
        ])
}

/// How a VM does, as its checks have found.
package struct HealthState: WireModel {
    package enum Status: String, WireEnum {
        /// No check has told yet.
        case starting
        case healthy, unhealthy
    }

    package var status: Status
    /// How many checks have failed since the last that did not.
    package var failingStreak: UInt32
    /// The last checks, the oldest first.
    package var log: [Check]

    package init(status: Status = .starting, failingStreak: UInt32 = 0, log: [Check] = []) {
        self.status = status
        self.failingStreak = failingStreak
        self.log = log
    }

    package static let schema = Schema(
        "HealthState", initial: HealthState(),
        [
            .required("status", \.status), .required("failing_streak", \.failingStreak), .defaulted("log", \.log),
        ])

    /// One run of the command.
    package struct Check: WireModel {
        /// When it began: nanoseconds since 1970.
        package var startedAt: UInt64
        package var finishedAt: UInt64
        /// As shells report it; 124 if its time was over, 125 if it could not be asked for.
        package var exitStatus: UInt32
        /// The beginning of what it printed.
        package var output: String

        package init(startedAt: UInt64, finishedAt: UInt64, exitStatus: UInt32, output: String) {
            self.startedAt = startedAt
            self.finishedAt = finishedAt
            self.exitStatus = exitStatus
            self.output = output
        }

        package static let schema = Schema(
            "Check", initial: Check(startedAt: 0, finishedAt: 0, exitStatus: 0, output: ""),
            [
                .required("started_at", \.startedAt), .required("finished_at", \.finishedAt),
                .required("exit_status", \.exitStatus), .required("output", \.output),
            ])
    }

    /// How many checks are kept, and how many bytes of what each printed.
    package static let keptChecks = 5
    package static let keptOutput = 1024

    /// Takes a check's result in.
    ///
    /// - Parameter counts: Whether a failure counts: not in the time that the VM has to come up.
    /// - Returns: Whether the status is another one now.
    package mutating func take(_ check: Check, retries: UInt32, counts: Bool) -> Bool {
        let before = status
        log = log.suffix(Self.keptChecks - 1) + [check]
        if check.exitStatus == 0 {
            status = .healthy
            failingStreak = 0
        } else if counts || before != .starting {
            failingStreak += 1
            if failingStreak >= max(1, retries) { status = .unhealthy }
        }
        return status != before
    }
}
