import Linux
import Reactor

/// An event loop on a thread of its own, with what `body` makes on it, until the owner lets go.
final class LoopThread {
    private var thread: Thread?
    private let stopping: EventCounter

    /// - Parameter body: Makes, on that thread, what serves there; it is kept until the end.
    init(_ body: @escaping @Sendable (EventLoop) throws -> AnyObject) throws {
        stopping = try EventCounter()
        let signal = stopping.descriptor.rawValue
        let ready = try EventCounter()
        let isReady = ready.descriptor.rawValue
        thread = try Thread("loop") {
            guard let loop = try? EventLoop(bufferSize: 256 << 10) else { return }
            let stopper = Stopper(loop)
            _ = try? loop.add(signal, [.readable], handler: stopper, source: 0)
            let served = try? body(loop)
            _ = try? Descriptor.duplicate(isReady).writeSome([1, 0, 0, 0, 0, 0, 0, 0])
            if served != nil { try? loop.run() }
            withExtendedLifetime(served) {}
        }
        _ = Peer.wait(isReady, .readable, seconds: 10)
    }

    deinit {
        stopping.signal()
        thread.take()?.join()
    }

    private final class Stopper: EventHandler {
        private let loop: EventLoop

        init(_ loop: EventLoop) {
            self.loop = loop
        }

        func handle(_ events: Epoll.Events, source: UInt8) {
            loop.stop()
        }
    }
}
