internal import Linux
internal import Reactor

/// One query to one server, and its answer or the end of the time for it. It keeps itself alive, by what it waits for, until then.
final class Exchange: EventHandler {
    private enum Source: UInt8 {
        case socket, time
    }

    /// Of an answer over UDP; over TCP its own length says it.
    private static let maximumDatagram = 65_535

    private let query: DNSQuery
    private let id: UInt16
    private let transport: InternetSocket.Transport
    private let loop: EventLoop
    private let socket: Descriptor
    private let then: (DNSResponse?) -> Void
    private var registration: EventLoop.Registration?
    private var timer: UInt64?
    /// What is left to be sent over TCP, and what has come.
    private var unsent: [UInt8] = []
    private var received: [UInt8] = []

    /// - Parameter then: Called once, later.
    static func start(
        _ query: DNSQuery, over transport: InternetSocket.Transport, with server: SocketAddress,
        milliseconds: Int, loop: EventLoop,
        _ then: @escaping (DNSResponse?) -> Void
    ) {
        do throws(Errno) {
            let socket = try InternetSocket.startConnecting(transport, to: server)
            try Exchange(query, transport, socket, loop: loop, then).send(milliseconds)
        } catch {
            // There is no way to this server now. The next one must not be asked from within this call.
            Postponed.call(on: loop) { then(nil) }
        }
    }

    private init(
        _ query: DNSQuery, _ transport: InternetSocket.Transport, _ socket: consuming Descriptor, loop: EventLoop,
        _ then: @escaping (DNSResponse?) -> Void
    ) {
        self.query = query
        self.transport = transport
        self.socket = socket
        self.loop = loop
        self.then = then
        id = .random(in: 0...UInt16.max)
    }

    private func send(_ milliseconds: Int) throws(Errno) {
        let message = query.forwarded(id: id)
        switch transport {
        case .udp:
            _ = try socket.writeSome(message)
        case .tcp:
            unsent = [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
        }
        registration = try loop.add(
            socket.rawValue, unsent.isEmpty ? [.readable] : [.writable], handler: self, source: Source.socket.rawValue)
        timer = loop.schedule(milliseconds: milliseconds, handler: self, source: Source.time.rawValue)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        guard registration != nil else { return }
        switch Source(rawValue: source) {
        case .time: end(nil)
        case .socket:
            do throws(Errno) {
                switch transport {
                case .udp: try receiveDatagram()
                case .tcp: try unsent.isEmpty ? receiveBytes() : sendBytes()
                }
            } catch {
                if error != .wouldBlock { end(nil) }
            }
        case nil: break
        }
    }

    /// What does not answer the query may be from somebody who guesses: it counts for nothing.
    private func receiveDatagram() throws(Errno) {
        let count = try socket.read(
            into: UnsafeMutableRawBufferPointer(rebasing: loop.buffer.prefix(Self.maximumDatagram)))
        guard let response = DNSResponse(Array(loop.buffer.prefix(count)), to: query, id: id) else { return }
        end(response)
    }

    private func sendBytes() throws(Errno) {
        if let error = InternetSocket.takeError(of: socket.rawValue) { throw error }
        unsent.removeFirst(try socket.writeSome(unsent))
        if unsent.isEmpty, let registration { loop.modify(registration, [.readable]) }
    }

    private func receiveBytes() throws(Errno) {
        let wanted = received.count < 2 ? 2 - received.count : 2 + Int(received.number(at: 0)) - received.count
        let count = try socket.read(into: UnsafeMutableRawBufferPointer(rebasing: loop.buffer.prefix(wanted)))
        if count == 0 { return end(nil) }
        received += loop.buffer.prefix(count)
        guard received.count >= 2, received.count == 2 + Int(received.number(at: 0)) else { return }
        end(DNSResponse(Array(received[2...]), to: query, id: id))
    }

    private func end(_ response: DNSResponse?) {
        guard let registration = registration.take() else { return }
        loop.remove(registration)
        if let timer { loop.cancel(timer: timer) }
        then(response)
    }
}

/// Something to be done when the present handler is done.
private final class Postponed: EventHandler {
    private let body: () -> Void

    private init(_ body: @escaping () -> Void) {
        self.body = body
    }

    static func call(on loop: EventLoop, _ body: @escaping () -> Void) {
        loop.schedule(milliseconds: 0, handler: Postponed(body), source: 0)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        body()
    }
}
