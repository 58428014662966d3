package import FirecrackerAPI

/// How a VM's present life stands, or how its last one ended: the file `state.json` in the VM's directory. Its supervisor alone
/// writes it, whole at each change; whether it still speaks of the present, the supervisor's being alive tells.
package struct LifeState: WireModel {
    package enum Phase: String, WireEnum {
        case starting, running, paused, stopping, restarting, exited
    }

    /// As in ``SupervisorPlan/generation``.
    package var generation: UInt64
    package var phase: Phase
    /// The VMM's, while there is one.
    package var pid: UInt32?
    /// Since when it runs: nanoseconds since 1970; so are the other times.
    package var startedAt: UInt64?
    package var finishedAt: UInt64?
    /// As shells report it; once it has ended.
    package var exitStatus: UInt32?
    /// Why it ended, if not in the way that it should.
    package var error: String?
    package var restarts: UInt32
    /// Somebody has asked for the end.
    package var isStopWanted: Bool
    /// Nil: nobody has asked for checks.
    package var health: HealthState?
    /// What the logs lack at their ends, because the disk was full; said in them when there is room. Bytes.
    package var lostOutput: UInt64
    package var lostConsole: UInt64

    package init(
        generation: UInt64, phase: Phase, pid: UInt32? = nil, startedAt: UInt64? = nil, finishedAt: UInt64? = nil,
        exitStatus: UInt32? = nil, error: String? = nil, restarts: UInt32 = 0, isStopWanted: Bool = false,
        health: HealthState? = nil, lostOutput: UInt64 = 0, lostConsole: UInt64 = 0
    ) {
        self.generation = generation
        self.phase = phase
        self.pid = pid
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.exitStatus = exitStatus
        self.error = error
        self.restarts = restarts
        self.isStopWanted = isStopWanted
        self.health = health
        self.lostOutput = lostOutput
        self.lostConsole = lostConsole
    }

    package static let schema = Schema(
        "LifeState", initial: LifeState(generation: 0, phase: .starting),
        [
            .required("generation", \.generation),
            .required("phase", \.phase),
            .optional("pid", \.pid),
            .optional("started_at", \.startedAt),
            .optional("finished_at", \.finishedAt),
            .optional("exit_status", \.exitStatus),
            .optional("error", \.error),
            .defaulted("restarts", \.restarts),
            .defaulted("is_stop_wanted", \.isStopWanted),
            .optional("health", \.health),
            .defaulted("lost_output", \.lostOutput),
            .defaulted("lost_console", \.lostConsole),
        ])

    /// The file's name in the VM's directory.
    package static let fileName = "state.json"
}
