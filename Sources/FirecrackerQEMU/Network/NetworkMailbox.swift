internal import FirecrackerAPI
internal import Linux
internal import Synchronization

/// What passes between a ``NetworkThread``'s owner and its thread: orders one way, counters the other.
final class NetworkMailbox: Sendable {
    enum Order: Sendable {
        case replaceStore(MetadataStore)
        /// Of the interface at that place; nil leaves a limiter as it is.
        case updateLimiters(index: Int, receive: RateLimiter?, send: RateLimiter?)
        case stop
    }

    struct Counters: Sendable {
        /// In the order of the interfaces.
        var frames: [FrameCounters]
        var metadata = MetadataCounters()
    }

    /// Readable when there are orders.
    let wake: EventCounter
    /// What the thread waits in; made before it, so that whoever starts it learns of a failure.
    let epoll: Epoll
    private let orders = Mutex<[Order]>([])
    private let counters: Mutex<Counters>
    private let limiters = Mutex<[Int: (receive: FrameLimiter, send: FrameLimiter)]>([:])

    init(interfaces: Int) throws(Errno) {
        wake = try EventCounter()
        epoll = try Epoll()
        counters = Mutex(Counters(frames: Array(repeating: FrameCounters(), count: interfaces)))
    }

    func send(_ order: Order) {
        orders.withLock { $0.append(order) }
        wake.signal()
    }

    func takeOrders() -> [Order] {
        wake.drain()
        return orders.withLock { orders in
            defer { orders = [] }
            return orders
        }
    }

    func count(_ frames: FrameCounters, at index: Int, _ metadata: MetadataCounters) {
        counters.withLock {
            $0.frames[index].add(frames)
            $0.metadata.add(metadata)
        }
    }

    /// What has been counted since the last call.
    func takeCounters() -> Counters {
        counters.withLock { counters in
            defer {
                counters = Counters(frames: Array(repeating: FrameCounters(), count: counters.frames.count))
            }
            return counters
        }
    }

    /// Shows the owner the limiters of the interface at that place, as they are after a stop or a change.
    func show(_ receive: FrameLimiter, _ send: FrameLimiter, at index: Int) {
        limiters.withLock { $0[index] = (receive, send) }
    }

    /// What is left in the buckets of the interface at that place, which must stand still.
    func levels(at index: Int, now: UInt64) -> NetworkLevels {
        limiters.withLock { limiters in
            limiters[index].map { NetworkLevels(receive: $0.receive.levels(now: now), send: $0.send.levels(now: now)) }
                ?? NetworkLevels()
        }
    }
}
