import FirecrackerAPI
import Foundation
import Linux
import SupervisorProtocol
import Testing

@testable import SmartVM

@Suite("what a sandbox may use, and uses")
struct SandboxLimitsTests {
    private static func requests() throws -> [PlannedRequest] {
        try [
            .putMachineConfig(MachineConfig(vcpuCount: 1, memSizeMib: 256)),
            .putDrive(
                Drive(
                    driveId: "root", isRootDevice: true, pathOnHost: "/r",
                    rateLimiter: RateLimiter(bandwidth: TokenBucket(size: 5, refillTime: 100)))),
            .putDrive(Drive(driveId: "data", isRootDevice: false, pathOnHost: "/d")),
            .putDrive(Drive(driveId: "served", isRootDevice: false, socket: "/s")),
            .putNetworkInterface(NetworkInterface(ifaceId: "eth0", hostDevName: "tap0")),
            .putBalloon(BalloonConfig(amountMib: 0, deflateOnOom: true)),
            .performAction(.instanceStart),
        ].map { try PlannedRequest($0) }
    }

    private func body(_ requests: [PlannedRequest], _ path: String) -> String {
        let text = requests.first { $0.path == path }?.body.map { String(decoding: $0.encoded, as: UTF8.self) }
        return (text ?? "").filter { $0 != " " && $0 != "\n" }
    }

    @Test("limits are worked into what a VMM is asked, and nothing else is changed")
    func applied() throws {
        let requests = try Self.requests()
        #expect(SandboxLimits().applied(to: requests, memory: 256) == requests)
        #expect(SandboxLimits().changes(of: requests, memory: 256) == [])
        let limits = SandboxLimits(memoryMib: 192, diskOperations: 100, networkBandwidth: 1 << 20)
        let limited = limits.applied(to: requests, memory: 256)
        #expect(limited.count == requests.count && limited[0] == requests[0] && limited[6] == requests[6])
        // What the VM's own configuration says of other things stays.
        #expect(body(limited, "/drives/root").contains(#""bandwidth":{"refill_time":100,"size":5}"#))
        #expect(body(limited, "/drives/root").contains(#""ops":{"refill_time":1000,"size":100}"#))
        #expect(limited[3] == requests[3])
        #expect(body(limited, "/balloon").contains(#""amount_mib":64"#))
        let once = SandboxLimits(diskOperations: 0).applied(to: limited, memory: 256)
        #expect(body(once, "/drives/data").contains(#""ops":{"refill_time":0,"size":0}"#))
        #expect(body(once, "/balloon").contains(#""amount_mib":64"#))
    }

    @Test("what is changed while a VM runs is what a VMM can be asked then")
    func changes() throws {
        let requests = try Self.requests()
        let limits = SandboxLimits(memoryMib: 256, diskBandwidth: 0, networkBandwidth: 7)
        let changes = limits.changes(of: requests, memory: 256)
        #expect(changes.allSatisfy { $0.method == "PATCH" })
        #expect(
            changes.map(\.path) == ["/drives/root", "/drives/data", "/network-interfaces/eth0", "/balloon"])
        #expect(
            body(changes, "/drives/data")
                == #"{"drive_id":"data","rate_limiter":{"bandwidth":{"refill_time":0,"size":0}}}"#)
        #expect(body(changes, "/balloon") == #"{"amount_mib":0}"#)
        // Firecracker's own models take them.
        let drive = try #require(changes[0].body)
        #expect(try DriveUpdate(decoding: drive.encoded).driveId == "root")
        let interface = try #require(changes[2].body)
        #expect(try NetworkInterfaceUpdate(decoding: interface.encoded).txRateLimiter?.bandwidth?.size == 7)
    }

    @Test("a share of the CPU is what was used in the time between")
    func percent() {
        func usage(_ time: String, _ seconds: Double?) -> SandboxUsage {
            var usage = SandboxUsage(id: "a", name: "a", state: .running, time: time)
            usage.host = seconds.map { .init(cpuSeconds: $0, memoryBytes: 0, readBytes: 0, writtenBytes: 0) }
            return usage
        }
        let first = usage("2026-01-01T00:00:00Z", 10)
        #expect(usage("2026-01-01T00:00:02Z", 13).since(first).cpuPercent == 150)
        // It was started again meanwhile; it does not run; the clock was set back.
        #expect(usage("2026-01-01T00:00:02Z", 1).since(first).cpuPercent == 0)
        #expect(usage("2026-01-01T00:00:02Z", nil).since(first).cpuPercent == nil)
        #expect(usage("2025-01-01T00:00:02Z", 13).since(first).cpuPercent == nil)
    }

    @Test(
        "times are read as docker takes them",
        arguments: [
            ("2026-11-21T10:46:00Z", 1_795_257_960_000_000_000),
            ("2026-11-21T11:46:00+01:00", 1_795_257_960_000_000_000),
            ("2026-11-21T05:16:00.5-05:30", 1_795_257_960_500_000_000),
            ("2026-11-21T10:46:00", 1_795_257_960_000_000_000), ("2026-11-21", 1_795_219_200_000_000_000),
            ("1795257960", 1_795_257_960_000_000_000), ("1795257960.25", 1_795_257_960_250_000_000),
            ("10m", 1_000_000_000_000_000_000 - 600_000_000_000),
            ("1h30m", 1_000_000_000_000_000_000 - 5_400_000_000_000),
            ("2300-01-01T00:00:00-01:00", 10_413_795_600_000_000_000), ("2554-07-21T23:34:32-23:59", .max),
            ("1970-01-01T00:00:00+01:00", 0), ("0s", 1_000_000_000_000_000_000), ("0", 0),
            ("9999d", 136_086_400_000_000_000),
        ] as [(String, UInt64)])
    func times(text: String, nanoseconds: UInt64) {
        #expect(Timestamp(words: text, now: 1_000_000_000_000_000_000)?.nanoseconds == nanoseconds)
    }

    @Test("no length of time is too long to calculate with")
    func longTimes() throws {
        let lengths: [(Duration, UInt64)] = [
            (.seconds(-5), 0), (.milliseconds(1500), 1500), (.seconds(250_000 * 86_400), 21_600_000_000_000),
            (.seconds(Int64.max), 1_000_000_000_000_000), (.seconds(1e20), 1_000_000_000_000_000),
        ]
        for (length, milliseconds) in lengths { #expect(length.inMilliseconds == milliseconds) }
        #expect(Duration.seconds(1e20).inSeconds == 1e12 && Duration.seconds(-1e20).inSeconds == -1e12)
        for value in [Double.infinity, 1e300, .greatestFiniteMagnitude] {
            #expect(Duration.saturating(seconds: value) == .longest)
            #expect(Duration.saturating(seconds: -value) == .zero - .longest)
        }
        #expect(Duration.saturating(seconds: .nan) == .zero && Duration.saturating(seconds: 1.5) == .milliseconds(1500))
        for timeout in [Duration.seconds(250_000 * 86_400), .seconds(Int64.max)] {
            let steps = Sandbox.steps(timeout, hasAgent: true)
            #expect(steps.first?.milliseconds == timeout.inMilliseconds)
        }
        var config = SandboxConfig(vm: VMConfig(id: "a", image: "minimal"))
        config.lifetime = .seconds(1e20)
        config.stopTimeout = .seconds(1e20)
        config.bootTimeout = .seconds(1e20)
        config.health = SandboxHealthCheck(
            GuestCommand(["true"]), interval: .seconds(1e20), timeout: .seconds(1e20), startPeriod: .seconds(1e20))
        let again = try JSONDecoder().decode(SandboxConfig.self, from: Data(try config.storedText.utf8))
        #expect(again.lifetime == .longest && again.stopTimeout == .longest && again.bootTimeout == .longest)
        #expect(try again.health?.plan().intervalMilliseconds == 1_000_000_000_000_000)
    }

    @Test("what is no time is refused")
    func noTimes() {
        for text in [
            "", "yesterday", "-5m", "5x", "m", "1.2.3", "2026-13-01", "2026-11-21T10:46:00+25:00", "é",
            "99999999999999999999", "2026-11-21T10:46", "1e9", "10m5", "2026-11-21T10:46:00+0100",
        ] {
            #expect(Timestamp(words: text, now: 1_000_000_000_000_000_000) == nil, "\(text)")
        }
    }

    @Test("a file of a log that cannot be opened is passed over")
    func unreadableLog() throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/log"
        try File.write(Array("one\n".utf8), to: path + ".2")
        // Root may open any file, but nobody may open a socket.
        let socket = try UnixSocket.listen(at: path + ".1")
        defer { withExtendedLifetime(socket) {} }
        try File.write(Array("two\n".utf8), to: path)
        var position = LogFiles.Position.beginning
        #expect(LogFiles(path: path).read(&position) == Array("one\n".utf8))
        #expect(LogFiles(path: path).read(&position) == Array("two\n".utf8))
        #expect(LogFiles(path: path).read(&position) == [])
        try FileTree.removeAll(path)
        position = .beginning
        #expect(LogFiles(path: path).read(&position) == Array("one\n".utf8))
        #expect(LogFiles(path: path).read(&position) == [])
    }

    @Test("a log is read in pieces over the files that it was, and its last lines are found from the end")
    func logs() throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/log"
        let files = LogFiles(path: path)
        var position = LogFiles.Position.beginning
        #expect(files.read(&position) == [])
        let lines = (0..<60_000).map { "line number \($0)\n" }
        try File.write(Array(lines[..<20_000].joined().utf8), to: path + ".2")
        try File.write(Array(lines[20_000..<40_000].joined().utf8), to: path + ".1")
        try File.write(Array(lines[40_000...].joined().utf8), to: path)
        var all: [UInt8] = []
        var pieces = 0
        while true {
            let piece = files.read(&position)
            if piece.isEmpty { break }
            #expect(piece.count <= LogFiles.pieceSize)
            all += piece
            pieces += 1
            // It is rotated while it is read: nothing is lost, nothing comes twice.
            if pieces == 2 {
                try File.move(path + ".2", to: path + ".3")
                try File.move(path + ".1", to: path + ".2")
                try File.move(path, to: path + ".1")
                try File.write(Array("the end".utf8), to: path)
            }
        }
        #expect(String(decoding: all, as: UTF8.self) == lines.joined() + "the end")
        for (number, expected) in [
            (0, ""), (1, "the end"), (2, lines[59_999] + "the end"), (20_001, lines[40_000...].joined() + "the end"),
            (20_002, lines[39_999...].joined() + "the end"), (30_000, lines[30_001...].joined() + "the end"),
            (1_000_000, lines.joined() + "the end"),
        ] {
            var position = files.beginningOfLast(number)
            var rest: [UInt8] = []
            while true {
                let piece = files.read(&position)
                if piece.isEmpty { break }
                rest += piece
            }
            #expect(String(decoding: rest, as: UTF8.self) == expected, "\(number)")
        }
    }
}
