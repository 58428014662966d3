internal import FirecrackerAPI

/// What takes so long that its time is logged and kept in the metrics: once as the VMM's part, and once for the whole request.
enum TimedAction: String {
    case pause = "pause vm"
    case resume = "resume vm"
    case createFull = "create full snapshot"
    case createDiff = "create diff snapshot"
    case load = "load snapshot"

    private var name: String {
        switch self {
        case .pause: "pause_vm"
        case .resume: "resume_vm"
        case .createFull: "full_create_snapshot"
        case .createDiff: "diff_create_snapshot"
        case .load: "load_snapshot"
        }
    }

    func finishAction(since start: ContinuousClock.Instant, metrics: Metrics, log: Log) {
        let duration = start.duration(to: .now).microseconds
        metrics.set(Metrics.Counter("latencies_us", "vmm_" + name), to: duration)
        // Firecracker has no such line for a load.
        if self != .load { log.logLimited(.info, "'\(rawValue)' VMM action took \(duration) us.", module: .vmm) }
    }

    func finishRequest(since start: ContinuousClock.Instant, metrics: Metrics, log: Log) {
        let duration = start.duration(to: .now).microseconds
        metrics.set(Metrics.Counter("latencies_us", name), to: duration)
        log.logLimited(
            .info, "'\(rawValue)' API request took \(duration) us.", thread: .api, module: .apiServer)
    }
}
