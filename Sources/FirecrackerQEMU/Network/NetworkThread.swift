internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The thread that moves the frames of those interfaces whose frames pass through this process, as long as this object lives.
///
/// One thread with one epoll serves them all (``FrameRelay``), and with them the metadata service, which therefore needs no lock. Its owner
/// reaches it through a ``NetworkMailbox``.
final class NetworkThread {
    private let mailbox: NetworkMailbox
    private var thread: Linux.Thread?

    init(_ interfaces: [FrameRelay.Configuration], metadata: MetadataStore) throws(Errno) {
        for interface in interfaces { try TapDevice.clearOffloads(interface.tap.descriptor.rawValue) }
        let mailbox = try NetworkMailbox(interfaces: interfaces.count)
        self.mailbox = mailbox
        try mailbox.epoll.add(mailbox.wake.descriptor.rawValue, .readable, token: Loop.wakeToken)
        for (index, interface) in interfaces.enumerated() {
            try mailbox.epoll.add(interface.guest.descriptor.rawValue, .readable, token: Loop.guestToken(index))
            try mailbox.epoll.add(interface.tap.descriptor.rawValue, .readable, token: Loop.tapToken(index))
        }
        thread = try Linux.Thread("network") {
            let loop = Loop(interfaces, mailbox, MetadataService(store: metadata))
            // Nothing but a mistake in this program can make it fail; a VM without a network is better than none.
            try? loop.run()
        }
    }

    deinit {
        mailbox.send(.stop)
        if let thread = thread.take() { thread.join() }
    }

    func send(_ order: NetworkMailbox.Order) { mailbox.send(order) }

    /// What has been counted since the last call.
    func takeCounters() -> NetworkMailbox.Counters { mailbox.takeCounters() }
}

extension NetworkThread {
    /// What lives on the thread.
    private final class Loop {
        static let wakeToken = UInt64.max

        static func guestToken(_ index: Int) -> UInt64 { UInt64(2 * index) }
        static func tapToken(_ index: Int) -> UInt64 { UInt64(2 * index + 1) }

        private let mailbox: NetworkMailbox
        private var relays: [Relay]
        private var service: MetadataService

        private struct Relay {
            let relay: FrameRelay
            /// What the epoll waits for; nil: it does not.
            var guestInterest: Epoll.Events? = .readable
            var tapInterest: Epoll.Events? = .readable
            /// Whether something has happened to it.
            var isDue = true
        }

        init(_ interfaces: [FrameRelay.Configuration], _ mailbox: NetworkMailbox, _ service: MetadataService) {
            self.mailbox = mailbox
            self.service = service
            let now = Self.now
            relays = interfaces.map { Relay(relay: FrameRelay($0, now: now)) }
        }

        private static var now: UInt64 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }

        /// Serves until it is told to stop.
        func run() throws(Errno) {
            var mustStop = false
            while !mustStop {
                for event in try wait() {
                    guard event.token != Self.wakeToken else {
                        mustStop = obey()
                        continue
                    }
                    let index = Int(event.token / 2)
                    relays[index].isDue = true
                    if event.token == Self.guestToken(index), event.events.contains(.hangUp) {
                        relays[index].relay.close()
                    }
                }
                let now = Self.now
                for index in relays.indices { try turn(index, now: now) }
            }
        }

        private func wait() throws(Errno) -> [Epoll.Event] {
            var events: [Epoll.Event] = []
            var timeout: Int64 = -1
            if let deadline = relays.lazy.filter({ !$0.relay.isClosed }).compactMap(\.relay.deadline).min() {
                let now = Self.now
                timeout = deadline > now ? Int64(clamping: deadline - now) : 0
            }
            try mailbox.epoll.wait(nanoseconds: timeout) { events.append($0) }
            return events
        }

        /// Whether it is told to stop.
        private func obey() -> Bool {
            for order in mailbox.takeOrders() {
                switch order {
                case .stop: return true
                case .replaceStore(let store): service.store = store
                case .updateLimiters(let index, let receive, let send):
                    relays[index].relay.updateLimiters(receive: receive, send: send, now: Self.now)
                    relays[index].isDue = true
                }
            }
            return false
        }

        private func turn(_ index: Int, now: UInt64) throws(Errno) {
            let relay = relays[index].relay
            guard relays[index].isDue || relay.deadline.map({ $0 <= now }) == true else { return }
            relays[index].isDue = false
            relay.turn(service: &service, now: now)
            let counted = relay.takeCounters()
            var metadata = counted.metadata
            metadata.add(service.takeCounters())
            mailbox.count(counted.frames, at: index, metadata)
            let guest: Epoll.Events? = relay.isClosed ? nil : relay.guestInterest
            let tap: Epoll.Events? = relay.isClosed || relay.isTapGone ? nil : relay.tapInterest
            try watch(relay.guest, guest, &relays[index].guestInterest, Self.guestToken(index))
            try watch(relay.tap, tap, &relays[index].tapInterest, Self.tapToken(index))
        }

        private func watch(
            _ descriptor: Int32, _ wanted: Epoll.Events?, _ current: inout Epoll.Events?, _ token: UInt64
        ) throws(Errno) {
            guard wanted != current else { return }
            if let wanted {
                try mailbox.epoll.modify(descriptor, wanted, token: token)
            } else {
                try mailbox.epoll.remove(descriptor)
            }
            current = wanted
        }
    }
}
