internal import FirecrackerAPI
internal import Glibc
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// The connection to the VMM's API: requests one after another, on the loop.
///
/// The socket's file is there before anybody listens at it, and before that it is not there: the first connection is tried until it
/// is made. What ends the trying is the VMM's end, or the time of the boot.
final class APIClient: EventHandler {
    enum Outcome {
        case done
        /// The VMM's words.
        case refused(String)
        case broken(String)
    }

    private enum Source: UInt8 {
        case connection, retry
    }

    private static let retryMilliseconds = 2

    private let loop: EventLoop
    private let path: String
    private var socket: Descriptor?
    /// The socket's.
    private var number: Int32 = -1
    private var registration: EventLoop.Registration?
    private var reader = HTTPAnswerReader()
    private var queue: [(request: PlannedRequest, then: (Outcome) -> Void)] = []
    /// What the socket has not taken yet of the first request.
    private var unsent: [UInt8] = []
    private var isClosed = false
    private var isRetrying = false

    init(loop: EventLoop, path: String) {
        self.loop = loop
        self.path = path
    }

    /// Asks the VMM once all earlier requests have been answered.
    func send(_ request: PlannedRequest, _ then: @escaping (Outcome) -> Void) {
        guard !isClosed else { return then(.broken("the VMM has ended")) }
        queue.append((request, then))
        if queue.count == 1 { begin() }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .retry:
            isRetrying = false
            begin()
        case .connection:
            if events.contains(.writable) { write() }
            if !events.isDisjoint(with: [.readable, .hangUp, .error]) { read() }
        case nil: break
        }
    }

    /// Gives up what is not answered.
    func close() {
        isClosed = true
        disconnect()
        fail("the VMM has ended")
    }

    private func begin() {
        guard let first = queue.first, !isClosed, !isRetrying else { return }
        guard registration != nil || connect() else { return }
        unsent = Self.encoded(first.request)
        write()
    }

    private static func encoded(_ request: PlannedRequest) -> [UInt8] {
        let body = request.body?.encoded
        var head = "\(request.method) \(request.path) HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        if let body {
            head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        }
        return Array("\(head)\r\n".utf8) + (body ?? [])
    }

    private func connect() -> Bool {
        do throws(Errno) {
            let socket = try UnixSocket.connect(to: path, nonBlocking: true)
            registration = try loop.add(
                socket.rawValue, [.readable], handler: self, source: Source.connection.rawValue)
            number = socket.rawValue
            self.socket = consume socket
            reader = HTTPAnswerReader()
            return true
        } catch .noSuchFile, .connectionRefused, .wouldBlock {
            isRetrying = true
            loop.schedule(milliseconds: Self.retryMilliseconds, handler: self, source: Source.retry.rawValue)
        } catch {
            fail("the VMM's socket \(path) cannot be reached: \(error)")
        }
        return false
    }

    private func write() {
        guard let registration else { return }
        while !unsent.isEmpty {
            do throws(Errno) {
                let number = number
                unsent.removeFirst(
                    try systemCall { unsent.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } })
            } catch .wouldBlock {
                return loop.modify(registration, [.readable, .writable])
            } catch {
                // Reading says how it broke.
                unsent = []
            }
        }
        loop.modify(registration, [.readable])
    }

    private func read() {
        let count: Int
        do throws(Errno) {
            let number = number
            count = try systemCall { Glibc.read(number, loop.buffer.baseAddress, loop.buffer.count) }
        } catch .wouldBlock {
            return
        } catch {
            return broke("\(error)")
        }
        if count == 0 { return broke("it closed the connection") }
        do throws(HTTPAnswerReader.Fault) {
            if let answer = try reader.feed(loop.buffer[..<count]) { answered(answer) }
        } catch {
            broke("what it answers is not HTTP")
        }
    }

    private func answered(_ answer: HTTPAnswerReader.Answer) {
        guard !queue.isEmpty else { return }
        let first = queue.removeFirst()
        // With nothing left it is the next ``send(_:_:)`` that begins.
        let isNextWaiting = !queue.isEmpty
        first.then((200...299).contains(answer.status) ? .done : .refused(FaultBody.message(of: answer.body)))
        if isNextWaiting { begin() }
    }

    private func broke(_ why: String) {
        disconnect()
        fail("the VMM broke off: \(why)")
    }

    private func disconnect() {
        if let registration { loop.remove(registration) }
        registration = nil
        socket = nil
        unsent = []
    }

    private func fail(_ why: String) {
        let failed = queue
        queue = []
        for exchange in failed { exchange.then(.broken(why)) }
    }
}
