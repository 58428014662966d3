internal import GuestProtocol
internal import Linux
internal import Reactor

/// What a session asks of the agent.
protocol HostSessionDelegate: AnyObject {
    /// The host has said who the guest is.
    func configure(_ configuration: Configuration) -> ConfigurationOutcome
    /// Whether the guest may run commands: it has its identity, or nobody is there to give it one.
    func sessionAllowsCommands(_ allowed: Bool)
    func shutDown(_ kind: Shutdown, graceMilliseconds: UInt32)
}

/// The guest's connection to its host: made when the guest is up, and again whenever it breaks.
///
/// A break by reset means that the machine was restored from a snapshot, perhaps as one of several: commands then wait until the
/// host has said who this one is. Where no host answers they wait for two seconds and are served all the same.
final class HostSession: EventHandler {
    private enum Source: UInt8 {
        case connecting, connection, retry, patience
    }

    private enum State {
        case idle
        case connecting(ConnectingSocket)
        case connected(FramedConnection)
    }

    /// How long commands wait for a host that does not answer, in ms.
    static let patience = 2000
    private static let firstRetry = 10
    private static let lastRetry = 1000

    private let loop: EventLoop
    private let startConnecting: () throws(Errno) -> Descriptor
    private let hello: () -> Hello
    private weak var delegate: (any HostSessionDelegate)?
    private var state = State.idle
    private var retry = HostSession.firstRetry
    private var commandsAllowed = false
    /// Two seconds have passed since commands began to wait.
    private var patienceIsOver = false

    /// - Parameters:
    ///   - startConnecting: Begins a new connection to the host, non-blocking.
    ///   - hello: What is said on a new connection.
    init(
        loop: EventLoop, delegate: any HostSessionDelegate,
        startConnecting: @escaping () throws(Errno) -> Descriptor = { () throws(Errno) in
            try VsockSocket.startConnecting(port: VsockPort.session)
        },
        hello: @escaping () -> Hello
    ) {
        self.loop = loop
        self.startConnecting = startConnecting
        self.delegate = delegate
        self.hello = hello
    }

    func start() {
        waitForIdentity()
        connect()
    }

    private func waitForIdentity() {
        commandsAllowed = false
        patienceIsOver = false
        delegate?.sessionAllowsCommands(false)
        loop.schedule(milliseconds: Self.patience, handler: self, source: Source.patience.rawValue)
    }

    private func allowCommands() {
        guard !commandsAllowed else { return }
        commandsAllowed = true
        delegate?.sessionAllowsCommands(true)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .retry:
            if case .idle = state { connect() }
        case .patience:
            patienceIsOver = true
            // A host that is there and has not answered yet is trusted to do so.
            if case .connected = state { return }
            allowCommands()
        case .connecting: finishConnecting()
        case .connection: serve(events)
        case nil: break
        }
    }

    // MARK: Connecting

    private func connect() {
        do throws(Errno) {
            let socket = try ConnectingSocket(
                try startConnecting(), loop: loop, handler: self, source: Source.connecting.rawValue)
            state = .connecting(socket)
        } catch {
            retryLater()
        }
    }

    private func finishConnecting() {
        guard case .connecting(let socket) = state else { return }
        guard let descriptor = socket.finish() else { return retryLater() }
        do throws(Errno) {
            let connection = try FramedConnection(
                descriptor, loop: loop, handler: self, source: Source.connection.rawValue)
            state = .connected(connection)
        } catch {
            return retryLater()
        }
        retry = Self.firstRetry
        send(.hello(hello()))
    }

    private func retryLater() {
        state = .idle
        if patienceIsOver { allowCommands() }
        loop.schedule(milliseconds: retry, handler: self, source: Source.retry.rawValue)
        retry = min(retry * 2, Self.lastRetry)
    }

    // MARK: Connected

    private func serve(_ events: Epoll.Events) {
        guard case .connected(let connection) = state else { return }
        do throws(ConnectionEnd) {
            if events.contains(.writable) {
                try connection.flush()
                if !connection.isBlocked { connection.watchForRoom(false) }
            }
            if !events.isDisjoint(with: [.readable, .hangUp, .error]) {
                try connection.receive { (piece) throws(ConnectionEnd) in
                    obey(try FramedConnection.message(piece))
                }
            }
        } catch {
            lose(connection, error)
        }
    }

    private func obey(_ command: SessionCommand) {
        switch command {
        case .configure(let configuration):
            let outcome = delegate?.configure(configuration) ?? ConfigurationOutcome()
            for problem in outcome.problems + outcome.failures { Console.say(problem) }
            allowCommands()
            send(.configured(problems: outcome.problems, failures: outcome.failures))
        case .setTime(let nanoseconds):
            try? Clock.setRealtime(nanoseconds: nanoseconds)
        case .shutdown(let kind, let grace):
            delegate?.shutDown(kind, graceMilliseconds: grace)
        }
    }

    /// Sends a report if the host is there.
    func send(_ report: SessionReport) {
        guard case .connected(let connection) = state else { return }
        do throws(ConnectionEnd) { try connection.send(report) } catch { lose(connection, error) }
    }

    private func lose(_ connection: FramedConnection, _ end: ConnectionEnd) {
        connection.close()
        if case .garbage(let error) = end { Console.say("the host's session: \(error); is it of another version?") }
        if case .failed(.connectionReset) = end {
            waitForIdentity()
            state = .idle
            return connect()
        }
        retryLater()
    }
}

/// A socket that is being connected to the host.
private final class ConnectingSocket {
    private var descriptor: Descriptor?
    private let number: Int32
    private let loop: EventLoop
    private let registration: EventLoop.Registration

    init(
        _ descriptor: consuming Descriptor, loop: EventLoop, handler: any EventHandler, source: UInt8
    ) throws(Errno) {
        self.loop = loop
        number = descriptor.rawValue
        registration = try loop.add(number, [.writable], handler: handler, source: source)
        self.descriptor = consume descriptor
    }

    /// The connected socket, or nil if it could not be.
    func finish() -> Descriptor? {
        loop.remove(registration)
        guard VsockSocket.connectionError(of: number) == nil else {
            descriptor = nil
            return nil
        }
        return descriptor.take()
    }
}
