internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The VMM's log, line by line in Firecracker's form, to standard output or a file.
///
/// Theory of operation. There is one thread, so there is no lock; the names of Firecracker's threads (`main`, `fc_api`)
/// only say where a line belongs. What clients can cause again and again is limited for each place of the code
/// (``LogPace``), so that no client fills a disk; what is dropped is counted and told.
final class Log {
    enum Source: String {
        case main
        case api = "fc_api"
        case vcpu = "fc_vcpu 0"
    }

    /// The names by which `--module` filters.
    enum Module: String {
        case main = "firecracker"
        case apiServer = "firecracker::api_server"
        case requests = "firecracker::api_server::parsed_request"
        case vmm
        case rateLimiter = "vmm::logger::rate_limited"
    }

    private struct Place: Hashable {
        var file: String
        var line: Int
    }

    var instanceID = "anonymous-instance"
    private(set) var level = LogLevel.info
    private var showsLevel = false
    private var showsOrigin = false
    private var moduleFilter: String?
    /// Nil: standard output.
    private var file: SharedDescriptor?
    private var paces: [Place: LogPace] = [:]
    /// Lines that could not be written.
    private(set) var missedCount: UInt64 = 0
    private(set) var rateLimitedCount: UInt64 = 0

    /// Applies a configuration. The level goes back to `Info` where none is given; all else stays as it was.
    func configure(_ config: LoggerConfig) throws(Errno) {
        if let path = config.logPath {
            file = SharedDescriptor(try Descriptor.openForAppending(path))
        }
        level = config.level ?? .info
        showsLevel = config.showLevel ?? showsLevel
        showsOrigin = config.showLogOrigin ?? showsOrigin
        moduleFilter = config.module ?? moduleFilter
    }

    /// Logs what happens at most a few times in the life of a VM.
    func log(
        _ level: LogLevel, _ message: @autoclosure () -> String, thread: Source = .main, module: Module = .main,
        file: String = #fileID, line: Int = #line
    ) {
        guard isWanted(level, module) else { return }
        write(level, message(), thread, Place(file: file, line: line))
    }

    /// Logs what a client or a guest can cause again and again.
    func logLimited(
        _ level: LogLevel, _ message: @autoclosure () -> String, thread: Source = .main, module: Module = .main,
        file: String = #fileID, line: Int = #line
    ) {
        guard isWanted(level, module) else { return }
        let place = Place(file: file, line: line)
        let pace = paces[place, default: LogPace()].admit(now: Clock.monotonicNanoseconds / 1_000_000)
        guard pace.isAdmitted else {
            rateLimitedCount += 1
            return
        }
        if pace.dropped > 0, isWanted(.warn, .rateLimiter) {
            write(.warn, "\(pace.dropped) messages were suppressed due to rate limiting", thread, place)
        }
        write(level, message(), thread, place)
    }

    /// What has been counted since the last call, by the names of Firecracker's metrics.
    func takeCounters() -> [(group: String, name: String, value: UInt64)] {
        defer { (missedCount, rateLimitedCount) = (0, 0) }
        return [
            ("logger", "missed_log_count", missedCount), ("logger", "rate_limited_log_count", rateLimitedCount),
        ]
    }

    private func isWanted(_ level: LogLevel, _ module: Module) -> Bool {
        level.weight <= self.level.weight && moduleFilter.map { module.rawValue.hasPrefix($0) } ?? true
    }

    private func write(_ level: LogLevel, _ message: String, _ thread: Source, _ place: Place) {
        var line = "\(Self.timestamp()) [\(instanceID):\(thread.rawValue)"
        if showsLevel { line += ":\(level.rawValue.uppercased())" }
        if showsOrigin { line += ":\(place.file):\(place.line)" }
        line += "] \(message)\n"
        let bytes = Array(line.utf8)
        let descriptor = file?.descriptor.rawValue ?? STDOUT_FILENO
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written != bytes.count { missedCount += 1 }
    }

    /// Local time, to the nanosecond.
    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        localtime_r(&now.tv_sec, &parts)
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(time).\(padded(now.tv_nsec, 9))"
    }
}

extension LogLevel {
    /// Higher is more talkative.
    fileprivate var weight: Int {
        switch self {
        case .off: 0
        case .error: 1
        case .warn: 2
        case .info: 3
        case .debug: 4
        case .trace: 5
        }
    }
}
