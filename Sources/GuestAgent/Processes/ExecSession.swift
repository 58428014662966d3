internal import Glibc
internal import GuestProtocol
internal import Linux
internal import Reactor

/// Whoever limits how many sessions there are.
protocol ExecSessionOwner: AnyObject {
    /// The request has come, or never will: until then the session holds memory that nobody is served with.
    func requestArrived()
    func sessionEnded()
}

/// One exec connection and its command, from the request to the end.
///
/// What flows: host → connection → stdin, as far as the credit goes; stdout and stderr → connection, as long as it takes frames.
/// The session ends in one of two ways. The command ends: what it has written is sent, then how it ended, then the connection is
/// closed. Or the connection ends, by the host or by what it sent: then the command is killed, with everything in its session.
final class ExecSession: EventHandler, ChildObserver {
    private enum Source: UInt8 {
        case connection, stdout, stderr, stdin
    }

    /// The phases that follow each other; `over` may come at any time.
    private enum State {
        case expectsRequest
        case running
        /// The command was reaped; its output is still on the way.
        case draining(ChildProcess.Ending)
        /// Everything was said; some of it waits on the connection.
        case flushing
        case over
    }

    private let loop: EventLoop
    private let launcher: CommandLauncher
    private let processes: ProcessTable
    private let owner: (any ExecSessionOwner)?

    private var state = State.expectsRequest
    private var connection: FramedConnection?
    private var child: ChildProcess?
    private var stdin: InputStream?
    private var outputs: [OutputStream] = []
    private var isTerminal = false

    /// - Parameters:
    ///   - connection: Non-blocking.
    ///   - owner: Kept until the session is over.
    init(
        _ connection: consuming Descriptor, loop: EventLoop, launcher: CommandLauncher, processes: ProcessTable,
        owner: (any ExecSessionOwner)? = nil
    ) throws(Errno) {
        self.loop = loop
        self.launcher = launcher
        self.processes = processes
        self.owner = owner
        self.connection = try FramedConnection(
            connection, loop: loop, handler: self, source: Source.connection.rawValue)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        do throws(ConnectionEnd) {
            switch Source(rawValue: source) {
            case .connection:
                try handleConnection(events)
            case .stdin:
                stdin?.handle(events)
                try giveCredit()
            case .stdout, .stderr:
                if let output = outputs.first(where: { $0.source == source }) { try forward(output) }
            case nil:
                break
            }
        } catch {
            abandon()
        }
    }

    private func handleConnection(_ events: Epoll.Events) throws(ConnectionEnd) {
        guard let connection else { return }
        if events.contains(.writable) {
            try connection.flush()
            if !connection.isBlocked { try refill() }
        }
        if !events.isDisjoint(with: [.readable, .hangUp, .error]) {
            try connection.receive { (piece) throws(ConnectionEnd) in try accept(piece) }
            try giveCredit()
        }
    }

    private func accept(_ piece: FrameDecoder.Piece) throws(ConnectionEnd) {
        if case .data(.stdin, let bytes) = piece {
            guard let stdin else { throw .garbage(.unexpectedFrame(type: FrameType.stdin.rawValue)) }
            return try stdin.receive(bytes)
        }
        switch try FramedConnection.message(piece, as: ExecInput.self) {
        case .start(let request):
            guard case .expectsRequest = state else {
                throw .garbage(.unexpectedFrame(type: FrameType.start.rawValue))
            }
            try start(request)
        case .stdin:
            break
        case .stdinClosed:
            stdin?.end()
        case .signal(let number):
            guard (1...64).contains(number) else { throw .garbage(.invalidValue) }
            // Until it is reaped, its number cannot be another's.
            if case .running = state, let child { kill(-child.pid, number) }
        case .resize(let size):
            if isTerminal, let output = outputs.first {
                try? Terminal.setSize(.init(rows: size.rows, columns: size.columns), of: output.descriptor.rawValue)
            }
        }
    }

    // MARK: The command

    private func start(_ request: ExecRequest) throws(ConnectionEnd) {
        owner?.requestArrived()
        do throws(CommandFailure) {
            try adopt(try launcher.start(request), request)
        } catch {
            try finish(.failed(status: error.status, message: error.message))
            return
        }
        guard let child else { return }
        try connection?.send(
            ExecOutput.started(pid: child.pid, monotonicMicroseconds: Clock.monotonicNanoseconds / 1000))
        if stdin != nil { try connection?.send(ExecOutput.stdinCredit(UInt32(InputStream.window))) }
        try block()
    }

    private func adopt(_ started: consuming CommandLauncher.Started, _ request: ExecRequest) throws(CommandFailure) {
        let child = started.child
        self.child = child
        state = .running
        isTerminal = request.terminal != nil
        let streams = started.streams
        do throws(Errno) {
            try processes.watch(child, self)
            outputs.append(
                try OutputStream(.stdout, streams.stdout, loop: loop, handler: self, source: Source.stdout.rawValue))
            if let stderr = streams.stderr {
                outputs.append(
                    try OutputStream(.stderr, stderr, loop: loop, handler: self, source: Source.stderr.rawValue))
            }
            if let input = streams.stdin {
                stdin = try InputStream(
                    input, isTerminal: isTerminal, loop: loop, handler: self, source: Source.stdin.rawValue)
            }
        } catch {
            child.kill(SIGKILL)
            throw CommandFailure(125, "\(request.arguments[0]): its streams cannot be watched: \(error)")
        }
    }

    func childEnded(_ ending: ChildProcess.Ending) {
        guard case .running = state else { return }
        state = .draining(ending)
        do throws(ConnectionEnd) {
            stdin?.close()
            for output in outputs { output.expectEnd() }
            try drain()
        } catch {
            abandon()
        }
    }

    // MARK: Streams

    /// Passes on what one read gives.
    private func forward(_ output: OutputStream) throws(ConnectionEnd) {
        guard let connection, !connection.isBlocked else { return }
        if let header = output.read() { try connection.sendBuffered(header) }
        if case .draining = state { return try drain() }
        try block()
    }

    /// Waits for no output as long as the connection takes no more.
    private func block() throws(ConnectionEnd) {
        if connection?.isBlocked == true {
            for output in outputs { output.pause() }
        }
    }

    /// The connection takes more again. What the command has ready follows at once, without going by the loop.
    private func refill() throws(ConnectionEnd) {
        guard let connection else { return }
        switch state {
        case .flushing: return close()
        case .draining: return try drain()
        case .expectsRequest, .over: break
        case .running:
            for output in outputs where output.hasData {
                if let header = output.read() { try connection.sendBuffered(header) }
                if connection.isBlocked { return }
            }
            do throws(Errno) { for output in outputs { try output.resume() } } catch { throw .failed(error) }
        }
        connection.watchForRoom(false)
        try giveCredit()
    }

    /// The command has ended: sends the rest of its output, as long as the connection takes it, then how it ended.
    private func drain() throws(ConnectionEnd) {
        guard case .draining(let ending) = state, let connection else { return }
        for output in outputs {
            output.pause()
            while output.isOpen {
                if connection.isBlocked { return }
                if let header = output.read() { try connection.sendBuffered(header) }
            }
        }
        switch ending {
        case .exited(let status): try finish(.exited(status: status))
        case .signaled(let number): try finish(.signaled(number: number))
        }
    }

    private func giveCredit() throws(ConnectionEnd) {
        // Not while output waits: a host that sends and never reads would have credit pile up here.
        guard case .running = state, let connection, !connection.isBlocked, let credit = stdin?.takeCredit() else {
            return
        }
        try connection.send(ExecOutput.stdinCredit(credit))
    }

    // MARK: The end

    private func finish(_ output: ExecOutput) throws(ConnectionEnd) {
        state = .flushing
        try connection?.send(output)
        if connection?.isBlocked != true { close() }
    }

    /// The connection is of no use any more: nobody is there for whom the command would run.
    private func abandon() {
        if case .running = state, let child {
            ProcessSession.kill(leader: child.pid)
        }
        close()
    }

    private func close() {
        if case .over = state { return }
        if case .expectsRequest = state { owner?.requestArrived() }
        state = .over
        stdin?.close()
        for output in outputs { output.close() }
        outputs = []
        connection?.close()
        connection = nil
        owner?.sessionEnded()
    }
}
