internal import Reactor
internal import SupervisorProtocol

// How the VM does, and what is done about it.
extension Supervision {
    /// Begins, goes on or ends asking, as the life stands.
    func followHealth(_ phase: LifeState.Phase) {
        guard let plan = plan.health else { return }
        switch phase {
        case .running:
            if let health { return health.resume() }
            state.health = HealthState()
            health = HealthChecker(plan, vsockSocket: self.plan.vsockSocket, loop: loop) { [weak self] in
                self?.checked($0, counts: $1)
            }
        case .paused: health?.suspend()
        case .starting, .stopping, .restarting, .exited:
            health?.suspend()
            health = nil
        }
    }

    private func checked(_ check: HealthState.Check, counts: Bool) {
        guard let plan = plan.health, var present = state.health else { return }
        let hasChanged = present.take(check, retries: plan.retries, counts: counts)
        state.health = present
        write()
        guard hasChanged else { return }
        events.append("health_status", [.init("health", present.status.rawValue)])
        guard present.status == .unhealthy, plan.onFailure != .none else { return }
        let number = present.failingStreak == 1 ? "a check" : "\(present.failingStreak) checks"
        let reason = "It was unhealthy: \(number) failed, at last with status \(check.exitStatus)."
        switch plan.onFailure {
        case .none: break
        case .kill: end([StopStep(.kill, milliseconds: 0)], because: reason)
        case .restart:
            isRestartWanted = true
            end(self.plan.stop, because: reason)
        case .stop: stop(self.plan.stop, because: reason)
        }
    }
}
