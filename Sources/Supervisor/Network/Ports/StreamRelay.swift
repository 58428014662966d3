internal import Linux
internal import Reactor

/// A TCP connection of a client and the one to the guest that it became.
///
/// Theory of operation. Bytes are looked at in the one socket (MSG_PEEK), given to the other, and only what that took is thrown away in the
/// first: so no byte waits in this process, whatever the two sides do, and a side that does not read makes the other wait, through the
/// kernel's own windows. An end of one side's bytes goes on as an end, while the other way stays open; a failure goes on as a
/// failure (RST). What it waits for keeps a relay alive.
final class StreamRelay: EventHandler {
    private enum Source: UInt8 {
        case client, guest, connectTime
    }

    /// How long the guest may take to answer a connection.
    static let connectMilliseconds = 10_000
    /// Bytes that are moved at a time, and how often before others have their turn.
    private static let piece = 128 << 10
    private static let piecesAtOnce = 4

    private let client: StreamEnd
    private let guest: StreamEnd
    private let loop: EventLoop
    private let ended: () -> Void
    private var connectTimer: UInt64?
    private var isOver = false

    /// - Parameter ended: Called once, later, when both connections are over.
    static func start(
        _ client: consuming Descriptor, to guest: SocketAddress, loop: EventLoop, ended: @escaping () -> Void
    ) throws(Errno) {
        InternetSocket.prepareRelay(client.rawValue)
        let client = StreamEnd(client, source: Source.client.rawValue)
        do throws(Errno) {
            let socket = try InternetSocket.startConnecting(.tcp, to: guest)
            InternetSocket.prepareRelay(socket.rawValue)
            let relay = StreamRelay(client, StreamEnd(socket, source: Source.guest.rawValue), loop, ended)
            try relay.waitForGuest()
        } catch {
            InternetSocket.failOnClose(client.number)
            // Without a way to the guest this connection fails, and no other.
            if error == .tooManyFiles || error == .outOfMemory { throw error }
            throw .connectionAborted
        }
    }

    private init(_ client: StreamEnd, _ guest: StreamEnd, _ loop: EventLoop, _ ended: @escaping () -> Void) {
        self.client = client
        self.guest = guest
        self.loop = loop
        self.ended = ended
    }

    private func waitForGuest() throws(Errno) {
        guest.isFull = true
        try guest.watch(guest.wanted(other: client), loop: loop, handler: self)
        connectTimer = loop.schedule(
            milliseconds: Self.connectMilliseconds, handler: self, source: Source.connectTime.rawValue)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        guard !isOver else { return }
        switch Source(rawValue: source) {
        case .connectTime: end(failed: true)
        case .client: serve(client, events, other: guest)
        case .guest: serve(guest, events, other: client)
        case nil: break
        }
    }

    private func serve(_ end: StreamEnd, _ events: Epoll.Events, other: StreamEnd) {
        do throws(Errno) {
            if !events.isDisjoint(with: [.error, .hangUp]) || connectTimer != nil,
                let error = InternetSocket.takeError(of: end.number)
            {
                throw error
            }
            if let timer = connectTimer.take() { loop.cancel(timer: timer) }
            if events.contains(.writable) {
                end.isFull = false
                try move(from: other, to: end)
            }
            if !events.isDisjoint(with: [.readable, .hangUp]) { try move(from: end, to: other) }
            if client.hasEnded, guest.hasEnded { return self.end(failed: false) }
            try other.watch(other.wanted(other: end), loop: loop, handler: self)
            let wanted = end.wanted(other: other)
            // With an end that is closed both ways nothing can be done now, and it would say so without end.
            if wanted.isEmpty, events.contains(.hangUp) { return end.unwatch(loop) }
            try end.watch(wanted, loop: loop, handler: self)
        } catch {
            self.end(failed: true)
        }
    }

    private func move(from source: StreamEnd, to destination: StreamEnd) throws(Errno) {
        if source.hasEnded || destination.isFull { return }
        let buffer = UnsafeMutableRawBufferPointer(rebasing: loop.buffer.prefix(Self.piece))
        for _ in 0..<Self.piecesAtOnce {
            let count: Int
            do throws(Errno) {
                count = try InternetSocket.peek(source.number, into: buffer)
            } catch .wouldBlock {
                return
            }
            if count == 0 {
                source.hasEnded = true
                return InternetSocket.endSending(destination.number)
            }
            var sent = 0
            do throws(Errno) {
                sent = try destination.send(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
            } catch .wouldBlock {}
            if sent > 0 { try InternetSocket.discard(sent, of: source.number) }
            destination.isFull = sent < count
            if sent < buffer.count { return }
        }
    }

    private func end(failed: Bool) {
        isOver = true
        if let timer = connectTimer.take() { loop.cancel(timer: timer) }
        for end in [client, guest] {
            end.unwatch(loop)
            if failed { InternetSocket.failOnClose(end.number) }
        }
        ended()
    }
}
