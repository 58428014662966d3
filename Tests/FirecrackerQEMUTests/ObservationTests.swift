import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

/// A file that is gone with the scope.
private func withFile<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let path = "/tmp/smartvm-observation-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
    defer { unlink(path) }
    return try body(path)
}

@Suite("The log")
struct LogTests {
    private func lines(_ config: LoggerConfig, _ body: (Log) throws -> Void) throws -> [String] {
        try withFile { path in
            var config = config
            config.logPath = path
            let log = Log()
            log.instanceID = "vm1"
            try log.configure(config)
            try body(log)
            return try File.readText(path).split(separator: "\n").map(String.init)
        }
    }

    @Test("A line has a time to the nanosecond, the instance, the thread and what else was asked for")
    func form() throws {
        let plain = try lines(LoggerConfig()) { $0.log(.info, "hello", thread: .api) }
        #expect(plain.count == 1)
        #expect(plain[0].wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9} \[vm1:fc_api\] hello/#) != nil)
        let full = try lines(LoggerConfig(showLevel: true, showLogOrigin: true)) {
            $0.log(.warn, "x", file: "A.swift", line: 7)
        }
        #expect(full[0].hasSuffix(" [vm1:main:WARN:A.swift:7] x"))
    }

    @Test("The level says what is left out, and goes back to Info where none is given")
    func levels() throws {
        let some = try lines(LoggerConfig(level: .warn)) { log in
            for level in LogLevel.allCases where level != .off { log.log(level, level.rawValue) }
        }
        #expect(some.map { $0.suffix(5) } == [" Warn", "Error"])
        #expect(try lines(LoggerConfig(level: .off)) { $0.log(.error, "x") } == [])
        let again = try lines(LoggerConfig(level: .off)) { log in
            try log.configure(LoggerConfig())
            log.log(.info, "x")
            log.log(.debug, "y")
        }
        #expect(again.count == 1)
    }

    @Test("A module keeps the lines of others out")
    func module() throws {
        let lines = try lines(LoggerConfig(module: "firecracker::api_server")) { log in
            log.log(.info, "main")
            log.log(.info, "request", module: .requests)
        }
        #expect(lines.count == 1)
        #expect(lines[0].hasSuffix("request"))
    }

    @Test("What a client can cause again and again is limited for each place of the code")
    func limit() throws {
        let lines = try lines(LoggerConfig()) { log in
            for index in 0..<15 { log.logLimited(.info, "\(index)") }
            log.logLimited(.info, "elsewhere")
            #expect(log.rateLimitedCount == 5)
        }
        #expect(lines.count == 11)
    }

    @Test(
        "A place of the code may log ten lines at once, then one in half a second, and then it is told what was dropped"
    )
    func pace() {
        var pace = LogPace()
        /// How many were dropped before; nil: this one is.
        func droppedBefore(_ now: UInt64) -> Int? {
            let result = pace.admit(now: now)
            return result.isAdmitted ? result.dropped : nil
        }
        let first = (0..<15).map { _ in droppedBefore(1_000_000) }
        #expect(first == Array(repeating: 0, count: 10) + Array(repeating: nil, count: 5))
        #expect(droppedBefore(1_000_499) == nil)
        #expect(droppedBefore(1_000_500) == 6)
        #expect(droppedBefore(1_000_500) == nil)
        #expect(droppedBefore(1_001_000) == 1)
        #expect(droppedBefore(9_000_000) == 0)
    }
}

@Suite("The metrics")
struct MetricsTests {
    private func object(_ line: Substring) throws -> JSONObject {
        guard case .object(let object) = try JSONValue(decoding: Array(line.utf8)) else { return JSONObject() }
        return object
    }

    private func value(_ group: String, _ name: String, in line: JSONObject) -> JSONValue? {
        guard case .object(let group) = line[group] else { return nil }
        return group[name]
    }

    @Test("A line has all groups, those of each device too, and counts since the line before")
    func lines() throws {
        try withFile { path in
            let metrics = Metrics()
            try metrics.open(path)
            metrics.count(Metrics.Counter("put_api_requests", "drive_count"), by: 2)
            metrics.write(devices: [("block", "rootfs"), ("net", "eth0")])
            metrics.write(devices: [])
            let lines = try File.readText(path).split(separator: "\n").map(object)
            #expect(lines.count == 2)
            #expect(value("put_api_requests", "drive_count", in: lines[0]) == .number(.unsigned(2)))
            #expect(value("put_api_requests", "drive_count", in: lines[1]) == .number(.unsigned(0)))
            let extra = Set(lines[0].members.map(\.name)).subtracting(lines[1].members.map(\.name))
            #expect(extra == ["block_rootfs", "net_eth0"])
            #expect(
                lines[1].members.map(\.name) == [
                    "api_server", "balloon", "block", "deprecated_api", "entropy", "get_api_requests", "i8042",
                    "interrupts", "latencies_us", "logger", "memory_hotplug", "mmds", "net", "patch_api_requests",
                    "pmem",
                    "put_api_requests", "seccomp", "signals", "uart", "utc_timestamp_ms", "vcpu", "vmm", "vsock",
                ])
        }
    }

    @Test("They are opened once; the file of a second attempt is made nevertheless")
    func once() throws {
        try withFile { first in
            try withFile { second in
                let metrics = Metrics()
                try metrics.open(first)
                #expect(throws: Metrics.Refusal.self) { try metrics.open(second) }
                #expect(File.exists(second))
            }
        }
    }

    @Test("A file that cannot be made is told with its errno")
    func refusal() {
        do {
            try Metrics().open("/none/m")
            Issue.record("The file was opened")
        } catch {
            #expect(
                error.sentence
                    == "Cannot initialize the metrics system due to bad user input: No such file or directory (os error 2)"
            )
        }
    }
}
