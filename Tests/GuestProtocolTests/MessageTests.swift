import GuestProtocol
import Testing

private func roundTrip<Message: FrameMessage & Equatable>(_ message: Message) throws {
    let frames = try decode([try message.encoded()])
    #expect(frames.count == 1)
    guard let frame = frames.first else { return }
    #expect(try Message(frame.type, payload: frame.payload) == message)
    // Cut anywhere, a control message is an error; never a trap, never another message.
    guard !frame.type.isData else { return }
    for count in 0..<frame.payload.count {
        #expect(throws: GuestProtocolError.self) { try Message(frame.type, payload: Array(frame.payload[..<count])) }
    }
    #expect(throws: GuestProtocolError.trailingBytes(count: 1)) {
        try Message(frame.type, payload: frame.payload + [0])
    }
}

@Suite("Messages")
struct MessageTests {
    static let request = ExecRequest(
        arguments: ["echo", "grüß"], environment: ["A=b"], workingDirectory: "/tmp", user: "1000:1000",
        terminal: .init(rows: 24, columns: 80), wantsStdin: true)

    static func configuration() throws -> Configuration {
        let address = try #require(IPAddress("172.16.0.2"))
        let gateway = try #require(IPAddress("172.16.0.1"))
        return Configuration(
            hostname: "web", machineID: "0123456789abcdef0123456789abcdef",
            wallClockNanoseconds: 1_700_000_000_000_000_000,
            entropySeed: [1, 2, 3],
            interfaces: [
                NetworkInterface(
                    macAddress: "06:00:ac:10:00:02", addresses: [.init(address, prefixLength: 30)], gateways: [gateway],
                    mtu: 1400, newMACAddress: "06:00:ac:10:00:03")
            ],
            nameServers: [gateway], searchDomains: ["example.org"],
            mounts: [.init(device: "/dev/vdb", path: "/data", fileSystemType: "ext4", readOnly: true)])
    }

    @Test("a usage report is read as it was written, also with what a later version appends, and cut nowhere")
    func usage() throws {
        var report = UsageReport()
        report.memoryTotal = 1
        report.memoryAvailable = .max
        report.processes = 7
        report.mounts = [.init(path: "/", total: 2, available: 1), .init(path: "/data", total: 4, available: 3)]
        let frame = try #require(try decode([try report.encoded()]).first)
        #expect(try UsageReport(frame.type, payload: frame.payload) == report)
        #expect(try UsageReport(frame.type, payload: frame.payload + [1, 2, 3]) == report)
        for count in 0..<frame.payload.count {
            #expect(throws: GuestProtocolError.self) {
                try UsageReport(frame.type, payload: Array(frame.payload[..<count]))
            }
        }
    }

    @Test("a start message has these bytes")
    func startBytes() throws {
        #expect(
            try ExecInput.start(Self.request).encoded() == [
                62, 0, 0, 0, 0x20,
                2, 0, 0, 0, 4, 0, 0, 0, 0x65, 0x63, 0x68, 0x6f, 6, 0, 0, 0, 0x67, 0x72, 0xc3, 0xbc, 0xc3, 0x9f,
                1, 0, 0, 0, 3, 0, 0, 0, 0x41, 0x3d, 0x62,
                1, 4, 0, 0, 0, 0x2f, 0x74, 0x6d, 0x70,
                1, 9, 0, 0, 0, 0x31, 0x30, 0x30, 0x30, 0x3a, 0x31, 0x30, 0x30, 0x30,
                1, 24, 0, 80, 0,
                1,
            ])
    }

    @Test("a configure message has these bytes")
    func configureBytes() throws {
        let empty = Configuration(hostname: "a", wallClockNanoseconds: 1)
        #expect(
            try SessionCommand.configure(empty).encoded() == [
                36, 0, 0, 0, 0x10,
                1, 1, 0, 0, 0, 0x61,
                0,
                1, 1, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0,
                0, 0, 0, 0,
                0, 0, 0, 0,
                0, 0, 0, 0,
                0, 0, 0, 0,
            ])
    }

    @Test("every message comes back as it was, and is refused when cut or longer")
    func roundTrips() throws {
        try roundTrip(ExecInput.start(Self.request))
        try roundTrip(ExecInput.start(ExecRequest(arguments: [])))
        try roundTrip(ExecInput.stdin([1, 2, 3]))
        try roundTrip(ExecInput.stdinClosed)
        try roundTrip(ExecInput.signal(15))
        try roundTrip(ExecInput.resize(.init(rows: 1, columns: 65_535)))
        try roundTrip(ExecOutput.started(pid: 42, monotonicMicroseconds: .max))
        try roundTrip(ExecOutput.stdout([0]))
        try roundTrip(ExecOutput.stderr([0, 255]))
        try roundTrip(ExecOutput.stdinCredit(65_536))
        try roundTrip(ExecOutput.exited(status: 255))
        try roundTrip(ExecOutput.signaled(number: 9))
        try roundTrip(ExecOutput.failed(status: 127, message: "smartvm-guest: nosuch: command not found"))
        try roundTrip(SessionCommand.configure(try Self.configuration()))
        try roundTrip(SessionCommand.shutdown(.reboot))
        try roundTrip(SessionCommand.setTime(nanoseconds: 5))
        try roundTrip(
            SessionReport.hello(
                Hello(
                    kernelRelease: "6.1.0", architecture: "x86_64", agentVersion: "1", monotonicMicroseconds: 3,
                    bootSteps: [.init(name: "modules", endedMicroseconds: 2)])))
        try roundTrip(SessionReport.configured(problems: ["a problem"], failures: ["/dev/vdb: no such device"]))
        try roundTrip(SessionReport.ended(.powerOff))
    }

    @Test("so does every message about files")
    func fileRoundTrips() throws {
        let path = Array("/a/\u{ff}".utf8) + [0xff]
        try roundTrip(FileMessage.request(.read(path: path)))
        try roundTrip(FileMessage.request(.write(path: path, permissions: 0o4755)))
        try roundTrip(FileMessage.request(.pack(path: [])))
        for root in [nil, [UInt8(ascii: ".")]] as [[UInt8]?] {
            try roundTrip(FileMessage.request(.unpack(.init(path: path, root: root, keepsOwners: root == nil))))
        }
        try roundTrip(FileMessage.data([0, 255]))
        try roundTrip(FileMessage.dataEnd)
        var summary = FileSummary()
        (summary.files, summary.directories, summary.symbolicLinks, summary.bytes) = (1, .max, 3, 4)
        for index in 0..<150 { summary.skip("/dev/\(index)") }
        #expect(summary.skipped.count == 100 && summary.skippedCount == 150)
        try roundTrip(FileMessage.finished(summary))
        try roundTrip(FileMessage.failed(FileFailure(path: "/a", errno: -1, reason: "No such file or directory")))
        #expect(throws: GuestProtocolError.invalidValue) { try FileMessage(.fileRequest, payload: [4] as [UInt8]) }
        #expect(throws: GuestProtocolError.truncated) {
            try FileMessage(.fileRequest, payload: [0, 255, 255, 255, 255] as [UInt8])
        }
    }

    @Test("a message of another kind of connection is refused")
    func foreign() {
        let none: [UInt8] = []
        #expect(throws: GuestProtocolError.unexpectedFrame(type: 0x10)) { try ExecInput(.configure, payload: none) }
        #expect(throws: GuestProtocolError.unexpectedFrame(type: 0x20)) { try SessionCommand(.start, payload: none) }
        #expect(throws: GuestProtocolError.unexpectedFrame(type: 0x21)) { try ExecOutput(.stdin, payload: none) }
        #expect(throws: GuestProtocolError.unexpectedFrame(type: 0x10)) { try SessionReport(.configure, payload: none) }
    }

    @Test("counts are not believed, text must be UTF-8, numbers must stand for something")
    func badPayloads() {
        let cases: [(FrameType, [UInt8], GuestProtocolError)] = [
            (.start, [255, 255, 255, 255], .truncated),
            (.start, [1, 0, 0, 0, 255, 255, 255, 255], .truncated),
            (.start, [1, 0, 0, 0, 1, 0, 0, 0, 0xff], .invalidText),
            (.start, [0, 0, 0, 0, 0, 0, 0, 0, 2], .invalidValue),
        ]
        for (type, payload, error) in cases {
            #expect(throws: error) { try ExecInput(type, payload: payload) }
        }
        #expect(throws: GuestProtocolError.invalidValue) { try SessionCommand(.shutdown, payload: [7] as [UInt8]) }
    }
}
