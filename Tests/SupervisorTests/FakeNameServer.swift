import Linux
import Reactor
import Synchronization

@testable import Supervisor

/// A name server of the world's, on the loopback address.
final class FakeNameServer {
    typealias Answer =
        @Sendable (_ query: DNSQuery, _ message: [UInt8], _ transport: InternetSocket.Transport) -> [UInt8]?

    let address: SocketAddress
    private let loop: LoopThread
    private let counter: Counter

    private final class Counter: Sendable {
        let count = Mutex(0)
    }

    /// How often it was asked.
    var asked: Int { counter.count.withLock { $0 } }
    var text: String { "127.0.0.1:\(address.port)" }

    /// - Parameter answer: Nil: it says nothing.
    init(_ answer: @escaping Answer) throws {
        let datagrams = try InternetSocket.datagrams(at: Peer.loopback())
        guard let address = InternetSocket.localAddress(of: datagrams.rawValue) else { throw Errno.badDescriptor }
        let listener = try InternetSocket.listen(at: address)
        self.address = address
        let numbers = (datagrams.take(), listener.take())
        let counter = Counter()
        self.counter = counter
        loop = try LoopThread { loop in
            let server = Server(numbers.0, numbers.1, loop) { message, transport in
                counter.count.withLock { $0 += 1 }
                guard let query = try? DNSQuery(message) else { return nil }
                return answer(query, message, transport)
            }
            _ = try loop.add(numbers.0, [.readable], handler: server, source: 0)
            _ = try loop.add(numbers.1, [.readable], handler: server, source: 1)
            return server
        }
    }

    private final class Server: EventHandler {
        private let datagrams: Descriptor
        private let listener: Descriptor
        private let loop: EventLoop
        private let answer: ([UInt8], InternetSocket.Transport) -> [UInt8]?

        init(
            _ datagrams: Int32, _ listener: Int32, _ loop: EventLoop,
            _ answer: @escaping ([UInt8], InternetSocket.Transport) -> [UInt8]?
        ) {
            self.datagrams = Descriptor(owning: datagrams)
            self.listener = Descriptor(owning: listener)
            self.loop = loop
            self.answer = answer
        }

        func handle(_ events: Epoll.Events, source: UInt8) {
            if source == 0 {
                while let (count, sender) = try? InternetSocket.receive(from: datagrams.rawValue, into: loop.buffer) {
                    guard let sender, let reply = answer(Array(loop.buffer.prefix(count)), .udp) else { continue }
                    try? InternetSocket.send(reply, to: sender, from: datagrams.rawValue)
                }
            } else if let peer = try? Peer.accept(listener) {
                guard let head = try? peer.read(upTo: 2), head.count == 2,
                    let message = try? peer.read(upTo: Int(head.number(at: 0))), let reply = answer(message, .tcp)
                else { return }
                // In two pieces, as a network may deliver it.
                let whole = [UInt8(reply.count >> 8), UInt8(reply.count & 0xff)] + reply
                try? peer.write(Array(whole.prefix(7)))
                try? peer.write(Array(whole.dropFirst(7)))
            }
        }
    }
}
