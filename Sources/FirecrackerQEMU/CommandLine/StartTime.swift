internal import Glibc

/// When the process was started, by the clocks of the program that started it: given by Firecracker's jailer, for the
/// metrics.
struct StartTime {
    /// Microseconds of CLOCK_MONOTONIC.
    var wallClock: Int?
    /// Microseconds of processor time that this process had used.
    var processorTime: Int?
    /// Microseconds of processor time that its parent had used for it.
    var parentProcessorTime: Int?

    /// Notes how long the start has taken.
    func report(to metrics: Metrics) {
        if let wallClock {
            let passed = Self.microseconds(CLOCK_MONOTONIC) - wallClock
            metrics.set(Metrics.Counter("api_server", "process_startup_time_us"), to: UInt64(clamping: passed))
        }
        if let processorTime {
            let used = Self.microseconds(CLOCK_PROCESS_CPUTIME_ID) - processorTime
            let (sum, overflow) = used.addingReportingOverflow(parentProcessorTime ?? 0)
            metrics.set(
                Metrics.Counter("api_server", "process_startup_time_cpu_us"), to: overflow ? 0 : UInt64(clamping: sum))
        }
    }

    private static func microseconds(_ clock: clockid_t) -> Int {
        var now = timespec()
        clock_gettime(clock, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }
}
