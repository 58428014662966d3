import Glibc
import GuestProtocol
import Linux
import Reactor
import Testing

@testable import GuestAgent

/// A host's side and a guest's side of sessions in one thread: what the host says is written before the loop runs.
private final class SessionFixture: HostSessionDelegate, EventHandler {
    let loop: EventLoop
    var session: HostSession?
    /// The host's ends, in the order in which the guest connected.
    var hosts: [Box] = []
    /// How many connections the host takes; further ones are refused.
    var limit = Int.max
    /// Written to each new connection at once.
    var greeting: [UInt8] = []
    var configurations: [Configuration] = []
    var allowances: [Bool] = []
    var shutdowns: [Shutdown] = []
    var isDone: (SessionFixture) -> Bool = { _ in false }
    private(set) var timedOut = false

    final class Box {
        var descriptor: Descriptor?
        init(_ descriptor: consuming Descriptor) { self.descriptor = consume descriptor }

        /// All reports that have come.
        func reports() throws -> [SessionReport] {
            var bytes = [UInt8](repeating: 0, count: 64 << 10)
            switch descriptor {
            case .some(let descriptor):
                let count = try bytes.withUnsafeMutableBytes { try descriptor.read(into: $0) }
                return try decode(Array(bytes[..<count]))
            case .none: return []
            }
        }

        private func decode(_ bytes: [UInt8]) throws -> [SessionReport] {
            var decoder = FrameDecoder()
            return try bytes.withUnsafeBytes { view in
                var input = view
                var reports: [SessionReport] = []
                while let piece = try decoder.next(&input) { reports.append(try SessionReport(piece)) }
                return reports
            }
        }
    }

    init() throws {
        SignalMask.ignoreBrokenPipe()
        loop = try EventLoop(bufferSize: FrameHeader.size + FrameType.maximumData)
    }

    /// Runs until ``isDone``, for ten seconds at most.
    func run(until isDone: @escaping (SessionFixture) -> Bool) throws {
        self.isDone = isDone
        if session == nil {
            let session = HostSession(
                loop: loop, delegate: self, startConnecting: { [unowned self] () throws(Errno) in try connect() },
                hello: {
                    Hello(
                        kernelRelease: "6.1", architecture: "x86_64", agentVersion: "t", monotonicMicroseconds: 1,
                        bootSteps: [])
                })
            self.session = session
            session.start()
        }
        let timer = loop.schedule(milliseconds: 10_000, handler: self, source: 0)
        try loop.run()
        loop.cancel(timer: timer)
    }

    private func connect() throws(Errno) -> Descriptor {
        guard hosts.count < limit else { throw .connectionReset }
        let pair = try SocketPair()
        try pair.second.setNonBlocking()
        if !greeting.isEmpty { try pair.first.writeAll(greeting) }
        hosts.append(Box(pair.first))
        return pair.second
    }

    private func check() {
        if isDone(self) { loop.stop() }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        timedOut = true
        loop.stop()
    }

    func configure(_ configuration: Configuration) -> ConfigurationOutcome {
        configurations.append(configuration)
        return ConfigurationOutcome(problems: ["a problem"], failures: ["a failure"])
    }

    func sessionAllowsCommands(_ allowed: Bool) {
        allowances.append(allowed)
        check()
    }

    func shutDown(_ kind: Shutdown, graceMilliseconds: UInt32) {
        shutdowns.append(kind)
        check()
    }
}

@Suite("The session with the host", .timeLimit(.minutes(1)))
struct HostSessionTests {
    private static func configure(_ name: String) throws -> [UInt8] {
        try SessionCommand.configure(Configuration(hostname: name)).encoded()
    }

    @Test("the guest says hello, is configured, says so, and then takes commands")
    func configuration() throws {
        let fixture = try SessionFixture()
        fixture.greeting = try Self.configure("web") + SessionCommand.shutdown(.powerOff).encoded()
        try fixture.run { !$0.shutdowns.isEmpty }
        #expect(!fixture.timedOut)
        #expect(fixture.configurations.map(\.hostname) == ["web"])
        #expect(fixture.allowances == [false, true])
        #expect(fixture.shutdowns == [.powerOff])
        let reports = try #require(fixture.hosts.first).reports()
        guard reports.count == 2, case .hello(let hello) = reports[0] else {
            Issue.record("no hello first: \(reports)")
            return
        }
        #expect(hello.protocolVersion == Hello.currentProtocolVersion)
        #expect(reports[1] == .configured(problems: ["a problem"], failures: ["a failure"]))
    }

    @Test("after a reset, as by a restored snapshot, commands wait until the guest is configured anew")
    func reset() throws {
        let fixture = try SessionFixture()
        fixture.greeting = try Self.configure("template")
        try fixture.run { $0.allowances == [false, true] }
        fixture.greeting = try Self.configure("clone")
        // Closed with bytes in it that nobody has read, a socket is reset.
        fixture.hosts.first?.descriptor = nil
        try fixture.run { $0.allowances.count == 4 }
        #expect(!fixture.timedOut)
        #expect(fixture.allowances == [false, true, false, true])
        #expect(fixture.configurations.map(\.hostname) == ["template", "clone"])
    }

    @Test("after an orderly end the guest goes on taking commands, and connects again")
    func orderlyEnd() throws {
        let fixture = try SessionFixture()
        fixture.greeting = try Self.configure("one")
        try fixture.run { $0.allowances == [false, true] }
        _ = try fixture.hosts.first?.reports()
        fixture.hosts.first?.descriptor = nil
        fixture.greeting = try SessionCommand.shutdown(.reboot).encoded()
        try fixture.run { !$0.shutdowns.isEmpty }
        #expect(!fixture.timedOut)
        #expect(fixture.allowances == [false, true])
        #expect(fixture.hosts.count == 2)
    }

    @Test("where no host listens commands are taken after two seconds")
    func noHost() throws {
        let fixture = try SessionFixture()
        fixture.limit = 0
        let start = Clock.monotonicNanoseconds
        try fixture.run { $0.allowances == [false, true] }
        #expect(!fixture.timedOut)
        #expect((Clock.monotonicNanoseconds - start) / 1_000_000 >= UInt64(HostSession.patience))
    }

    @Test("what is not the protocol ends the connection, and the guest tries again")
    func garbage() throws {
        let fixture = try SessionFixture()
        fixture.greeting = [1, 2, 3, 4, 5, 6]
        try fixture.run { $0.allowances == [false, true] }
        #expect(!fixture.timedOut)
        #expect(fixture.hosts.count > 2)
    }
}
