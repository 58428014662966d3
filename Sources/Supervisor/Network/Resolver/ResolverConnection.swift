internal import Linux
internal import Reactor

/// A guest's connection to the resolver: queries and answers, each after its length, one at a time (RFC 7766). What it waits for keeps it
/// alive.
final class ResolverConnection: EventHandler {
    typealias Resolve = (_ query: [UInt8], _ reply: @escaping ([UInt8]?) -> Void) -> Void

    private enum Source: UInt8 {
        case socket, time
    }

    /// How long the guest may take for a query, or to take an answer.
    static let milliseconds = 10_000

    private let socket: Descriptor
    private let loop: EventLoop
    private let resolve: Resolve
    private let ended: () -> Void
    private var registration: EventLoop.Registration?
    private var timer: UInt64?
    private var received: [UInt8] = []
    private var unsent: [UInt8] = []
    private var isAsking = false

    /// - Parameters:
    ///   - resolve: Answers a query, now or later, once.
    ///   - ended: Called once, later, when the connection is over.
    static func serve(
        _ socket: consuming Descriptor, loop: EventLoop, resolve: @escaping Resolve, ended: @escaping () -> Void
    ) throws(Errno) {
        try ResolverConnection(socket, loop: loop, resolve, ended).start()
    }

    private init(
        _ socket: consuming Descriptor, loop: EventLoop, _ resolve: @escaping Resolve, _ ended: @escaping () -> Void
    ) {
        self.socket = socket
        self.loop = loop
        self.resolve = resolve
        self.ended = ended
    }

    private func start() throws(Errno) {
        registration = try loop.add(socket.rawValue, [.readable], handler: self, source: Source.socket.rawValue)
        startClock()
    }

    private func startClock() {
        if let timer { loop.cancel(timer: timer) }
        timer = loop.schedule(milliseconds: Self.milliseconds, handler: self, source: Source.time.rawValue)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        guard registration != nil else { return }
        switch Source(rawValue: source) {
        case .time: close()
        case .socket:
            do throws(Errno) {
                try unsent.isEmpty ? receive() : send()
            } catch {
                if error != .wouldBlock { close() }
            }
        case nil: break
        }
    }

    private func receive() throws(Errno) {
        // Its end, while its query is under way.
        if isAsking { return close() }
        let wanted = received.count < 2 ? 2 - received.count : 2 + Int(received.number(at: 0)) - received.count
        let count = try socket.read(into: UnsafeMutableRawBufferPointer(rebasing: loop.buffer.prefix(wanted)))
        if count == 0 { return close() }
        received += loop.buffer.prefix(count)
        guard received.count >= 2 else { return }
        let length = Int(received.number(at: 0))
        guard (DNSHeader.size...DNSQuery.maximumLength).contains(length) else { return close() }
        guard received.count == 2 + length else { return }
        let query = Array(received[2...])
        received = []
        isAsking = true
        // Nothing is read meanwhile: the next query waits in the kernel.
        if let registration { loop.modify(registration, []) }
        resolve(query) { [weak self] in self?.answer($0) }
    }

    private func answer(_ message: [UInt8]?) {
        guard registration != nil else { return }
        guard let message, message.count <= UInt16.max else { return close() }
        isAsking = false
        unsent = [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
        startClock()
        do throws(Errno) { try send() } catch { if error != .wouldBlock { close() } }
    }

    private func send() throws(Errno) {
        guard let registration else { return }
        loop.modify(registration, [.writable])
        while !unsent.isEmpty {
            unsent.removeFirst(try socket.writeSome(unsent))
        }
        loop.modify(registration, [.readable])
    }

    private func close() {
        guard let registration = registration.take() else { return }
        loop.remove(registration)
        if let timer { loop.cancel(timer: timer) }
        ended()
    }
}
