internal import Linux
internal import Reactor

/// A published TCP port: each connection to it becomes one to the guest.
final class StreamForwarder: EventHandler {
    private enum Source: UInt8 {
        case listener, pause
    }

    /// Connections that are accepted before others have their turn.
    private static let connectionsAtOnce = 16
    private static let pauseMilliseconds = 100

    private let listener: Descriptor
    private let guest: SocketAddress
    private let limit: StreamLimit
    private let loop: EventLoop
    private var registration: EventLoop.Registration?
    private var isPausing = false

    init(
        _ listener: consuming Descriptor, guest: SocketAddress, limit: StreamLimit, loop: EventLoop
    ) throws(Errno) {
        self.listener = listener
        self.guest = guest
        self.limit = limit
        self.loop = loop
        registration = try loop.add(
            self.listener.rawValue, [.readable], handler: self, source: Source.listener.rawValue)
    }

    /// Takes connections, or lets them wait.
    func listen(_ wanted: Bool) {
        if wanted, registration == nil, !isPausing {
            registration = try? loop.add(
                listener.rawValue, [.readable], handler: self, source: Source.listener.rawValue)
        } else if !wanted, let registration = registration.take() {
            loop.remove(registration)
        }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .listener: acceptClients()
        case .pause:
            isPausing = false
            listen(limit.hasRoom)
        case nil: break
        }
    }

    private func acceptClients() {
        for _ in 0..<Self.connectionsAtOnce where limit.hasRoom {
            do throws(Errno) {
                let client = try UnixSocket.accept(listener.rawValue)
                try StreamRelay.start(client, to: guest, loop: loop) { [limit] in limit.connectionEnded() }
                limit.connectionBegan()
            } catch .wouldBlock {
                return
            } catch {
                if error == .connectionAborted { continue }
                // There are no descriptors left, or no memory: a listener that is always ready must not keep the loop busy.
                isPausing = true
                listen(false)
                loop.schedule(milliseconds: Self.pauseMilliseconds, handler: self, source: Source.pause.rawValue)
                return
            }
        }
    }
}
