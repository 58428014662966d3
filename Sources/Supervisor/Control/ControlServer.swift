internal import FirecrackerAPI
internal import Linux
internal import Reactor
internal import SupervisorProtocol

/// Where other processes ask the supervisor: a request is a line, and so is its answer.
final class ControlServer: EventHandler {
    typealias Answer = (ControlAnswer) -> Void

    /// Connections at a time; further ones wait in the listener's queue.
    private static let maximumConnections = 32

    private let loop: EventLoop
    private let listener: Descriptor
    private let handler: (ControlRequest, @escaping Answer) -> Void
    private let fault: (String) -> ControlAnswer
    private var registration: EventLoop.Registration?
    private var connections: [UInt64: ControlConnection] = [:]
    private var nextNumber: UInt64 = 0

    /// - Parameters:
    ///   - fault: Makes the answer to what is no request.
    ///   - handler: Answers a request, now or later, once.
    init(
        at path: String, loop: EventLoop, fault: @escaping (String) -> ControlAnswer,
        handler: @escaping (ControlRequest, @escaping Answer) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.handler = handler
        self.fault = fault
        try? FileTree.remove(path)
        listener = try UnixSocket.listen(at: path)
        try listenForMore(true)
    }

    private func listenForMore(_ wanted: Bool) throws(Errno) {
        if wanted, registration == nil {
            registration = try loop.add(listener.rawValue, [.readable], handler: self, source: 0)
        } else if !wanted, let waiting = registration {
            loop.remove(waiting)
            registration = nil
        }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        guard let socket = try? UnixSocket.accept(listener.rawValue) else { return }
        nextNumber += 1
        let number = nextNumber
        let connection = try? ControlConnection(socket, loop: loop) { [weak self] line, answer in
            guard let self else { return }
            do throws(JSONFault) {
                handler(try ControlRequest(decoding: line), answer)
            } catch {
                answer(fault("the request cannot be read: \(error)"))
            }
        } ended: { [weak self] in
            self?.connections[number] = nil
            try? self?.listenForMore(true)
        }
        connections[number] = connection
        if connections.count >= Self.maximumConnections { try? listenForMore(false) }
    }
}

/// One connection of somebody who asks.
private final class ControlConnection: EventHandler {
    private let socket: Descriptor
    private let loop: EventLoop
    private let ended: () -> Void
    private let request: ([UInt8], @escaping ControlServer.Answer) -> Void
    private var registration: EventLoop.Registration?
    private var line: [UInt8] = []

    init(
        _ socket: consuming Descriptor, loop: EventLoop,
        request: @escaping ([UInt8], @escaping ControlServer.Answer) -> Void, ended: @escaping () -> Void
    ) throws(Errno) {
        self.socket = socket
        self.loop = loop
        self.request = request
        self.ended = ended
        registration = try loop.add(self.socket.rawValue, [.readable], handler: self, source: 0)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        do throws(Errno) {
            let count = try socket.read(into: UnsafeMutableRawBufferPointer(rebasing: loop.buffer.prefix(4096)))
            guard count > 0, line.count + count <= ControlRequest.maximumLength else { return close() }
            line += loop.buffer.prefix(count)
        } catch .wouldBlock {
            return
        } catch {
            return close()
        }
        while let end = line.firstIndex(of: 0x0a) {
            let text = Array(line[..<end])
            line.removeFirst(end + 1)
            request(text) { [weak self] answer in
                // A few hundred bytes: whoever does not read them gets no more.
                guard let self, (try? socket.writeAll(answer.json(showsNulls: false) + [0x0a])) == nil else { return }
                close()
            }
        }
    }

    private func close() {
        guard let registration else { return }
        loop.remove(registration)
        self.registration = nil
        ended()
    }
}
