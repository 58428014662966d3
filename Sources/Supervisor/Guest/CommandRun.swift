internal import GuestProtocol
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// A command in the guest, over a vsock connection to its agent: the VM's purpose, or a check of how it does.
final class CommandRun: EventHandler {
    enum Event {
        case started
        /// The status as shells report it.
        case ended(UInt32)
        /// The guest could not run it, with the status that a shell would give.
        case failed(status: UInt32, message: String)
        /// The connection broke before it had ended.
        case lost(String)
    }

    /// The longest answer of a VMM to CONNECT.
    private static let greetingLimit = 64

    private let loop: EventLoop
    private let output: any CommandOutput
    private let report: (Event) -> Void
    private let command: PlannedCommand
    /// Until the VMM has answered.
    private var greeting: Descriptor?
    private var greetingRegistration: EventLoop.Registration?
    private var greetingBytes: [UInt8] = []
    private var connection: FramedConnection?
    private var isOver = false

    /// Connects to the guest through the VMM's socket.
    init(
        _ command: PlannedCommand, vsockSocket: String, output: any CommandOutput, loop: EventLoop,
        report: @escaping (Event) -> Void
    ) throws(Errno) {
        self.command = command
        self.loop = loop
        self.output = output
        self.report = report
        let socket = try UnixSocket.connect(to: vsockSocket, nonBlocking: true)
        try socket.writeAll(Array("CONNECT \(VsockPort.exec)\n".utf8))
        greetingRegistration = try loop.add(socket.rawValue, [.readable], handler: self, source: 0)
        greeting = consume socket
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        do throws(ConnectionEnd) {
            guard let connection else { return try greet() }
            if events.contains(.writable) {
                try connection.flush()
                if !connection.isBlocked { connection.watchForRoom(false) }
            }
            if !events.isDisjoint(with: [.readable, .hangUp, .error]) { try receive(connection) }
        } catch {
            lose(error)
        }
    }

    /// Sends a signal to the command and the processes that it started. False if it does not run.
    func signal(_ number: UInt32) -> Bool {
        guard !isOver, let connection else { return false }
        do throws(ConnectionEnd) {
            try connection.send(ExecInput.signal(Int32(clamping: number)))
            return true
        } catch {
            lose(error)
            return false
        }
    }

    /// Reads what the guest had sent before its VMM ended.
    func drain() {
        while !isOver {
            guard let connection else { return close() }
            do throws(ConnectionEnd) {
                let before = received
                try receive(connection)
                // Nothing more has come.
                if received == before { return close() }
            } catch {
                close()
            }
        }
    }

    /// Is told nothing any more. The guest's agent kills a command whose connection is gone.
    func close() {
        if isOver { return }
        isOver = true
        output.finish()
        disconnect()
    }

    private func disconnect() {
        if let greetingRegistration { loop.remove(greetingRegistration) }
        greetingRegistration = nil
        greeting = nil
        connection?.close()
        connection = nil
    }

    // MARK: The VMM's answer

    /// Reads a line, byte by byte: what follows it is the guest's.
    private func greet() throws(ConnectionEnd) {
        guard let socket = greeting.take() else { return }
        while true {
            var byte: UInt8 = 0
            let count: Int
            do throws(Errno) {
                count = try withUnsafeMutableBytes(of: &byte) { (buffer) throws(Errno) in try socket.read(into: buffer)
                }
            } catch {
                guard error == .wouldBlock else { throw .failed(error) }
                greeting = consume socket
                return
            }
            guard count == 1, greetingBytes.count < Self.greetingLimit else { throw .closed }
            if byte == 0x0a { break }
            greetingBytes.append(byte)
        }
        guard greetingBytes.starts(with: Array("OK ".utf8)) else { throw .closed }
        if let greetingRegistration { loop.remove(greetingRegistration) }
        greetingRegistration = nil
        let connection: FramedConnection
        do throws(Errno) {
            connection = try FramedConnection(
                socket, loop: loop, handler: self, source: 0, maximumControl: GuestWords.maximumMessage)
        } catch {
            throw .failed(error)
        }
        self.connection = connection
        try connection.send(ExecInput.start(command.request))
    }

    // MARK: What the guest says

    /// How many pieces have come.
    private var received = 0

    private func receive(_ connection: FramedConnection) throws(ConnectionEnd) {
        try connection.receive { (piece) throws(ConnectionEnd) in
            received += 1
            switch try FramedConnection.message(piece, as: ExecOutput.self) {
            case .started: report(.started)
            case .stdout(let bytes): output.append(bytes, .standardOutput)
            case .stderr(let bytes): output.append(bytes, .standardError)
            case .stdinCredit: break
            case .exited(let status): end(.ended(UInt32(clamping: status)))
            case .signaled(let number): end(.ended(128 + UInt32(clamping: number)))
            case .failed(let status, let message):
                end(.failed(status: UInt32(clamping: status), message: message))
            }
        }
    }

    private func end(_ event: Event) {
        if isOver { return }
        close()
        report(event)
    }

    private func lose(_ end: ConnectionEnd) {
        switch end {
        case .closed: self.end(.lost("the guest broke off the connection"))
        case .failed(let error): self.end(.lost("the connection to the guest broke: \(error)"))
        case .garbage(let error): self.end(.lost("the guest sent what is not the agent's protocol: \(error)"))
        }
    }
}
