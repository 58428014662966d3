internal import Linux
internal import Synchronization

/// What a ``VsockDevice`` is told from other threads, and what they may know of it.
final class VsockControl: Sendable {
    enum Order: UInt32 {
        case stop = 1
        case admitClients = 2
        case dropConnections = 4
    }

    /// Readable when there are orders.
    let wake: EventCounter
    private let orders = Atomic<UInt32>(0)
    /// The port of the host's next connection.
    let nextHostPort: Atomic<UInt32>
    /// Whether clients wait from the beginning until ``Order/admitClients``.
    let holdsClients: Bool
    let counters = VsockCounters()

    init(nextHostPort: UInt32 = VsockMuxer.firstHostPort, holdsClients: Bool = false) throws(Errno) {
        wake = try EventCounter()
        self.nextHostPort = Atomic(nextHostPort)
        self.holdsClients = holdsClients
    }

    func order(_ order: Order) {
        orders.bitwiseOr(order.rawValue, ordering: .releasing)
        wake.signal()
    }

    /// Whether an order was given since the last time.
    func takeOrders() -> (Order) -> Bool {
        wake.drain()
        let taken = orders.exchange(0, ordering: .acquiring)
        return { taken & $0.rawValue != 0 }
    }
}
