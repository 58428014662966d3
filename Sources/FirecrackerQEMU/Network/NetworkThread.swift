internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// The thread that moves the frames of all network devices, as long as this object lives or until QEMU has ended.
///
/// One thread with one epoll serves them all (``NetDevice``), and with them the metadata service, which therefore needs no lock. Its owner
/// reaches it through a ``NetworkMailbox``, QEMU through a ``VhostInbox``.
final class NetworkThread {
    private let mailbox: NetworkMailbox
    private var thread: Linux.Thread?

    /// - Parameter numbers: QEMU's descriptors that stand for the devices' /dev/vhost-net, in their order.
    init(
        _ devices: [NetDevice.Configuration], numbers: [Int32], metadata: MetadataStore, process: ChildProcess,
        inbox: VhostInbox
    ) throws(Errno) {
        let mailbox = try NetworkMailbox(interfaces: devices.count)
        self.mailbox = mailbox
        try mailbox.epoll.add(mailbox.wake.descriptor.rawValue, .readable, token: Loop.wakeToken)
        try mailbox.epoll.add(inbox.wake.descriptor.rawValue, .readable, token: Loop.callsToken)
        for (index, device) in devices.enumerated() {
            try mailbox.epoll.add(
                device.tap.descriptor.rawValue, [.readable, .edgeTriggered], token: Loop.token(index, .tap))
        }
        thread = try Linux.Thread("network") {
            let loop = Loop(
                devices, numbers, mailbox, MetadataService(store: metadata), process: process, inbox: inbox)
            // Nothing but a mistake in this program can make it fail; a VM without a network is better than none.
            try? loop.run()
            inbox.close()
        }
    }

    deinit {
        mailbox.send(.stop)
        if let thread = thread.take() { thread.join() }
    }

    func send(_ order: NetworkMailbox.Order) { mailbox.send(order) }

    /// What has been counted since the last call.
    func takeCounters() -> NetworkMailbox.Counters { mailbox.takeCounters() }

    /// What is left in the buckets of the interface at that place of a machine that stands still.
    func levels(at index: Int) -> NetworkLevels { mailbox.levels(at: index, now: Loop.now) }
}

extension NetworkThread {
    /// What lives on the thread.
    private final class Loop {
        static let wakeToken = UInt64.max
        static let callsToken = UInt64.max - 1

        enum Source: UInt64 {
            case tap, receiveKick, transmitKick
        }

        static func token(_ index: Int, _ source: Source) -> UInt64 { UInt64(index) << 2 | source.rawValue }

        private let mailbox: NetworkMailbox
        private let inbox: VhostInbox
        private let process: ChildProcess
        private let memory: ProcessMemory
        private let devices: [NetDevice]
        private let indices: [Int32: Int]
        private var service: MetadataService
        private var events: [Epoll.Event] = []

        init(
            _ devices: [NetDevice.Configuration], _ numbers: [Int32], _ mailbox: NetworkMailbox,
            _ service: MetadataService, process: ChildProcess, inbox: VhostInbox
        ) {
            self.mailbox = mailbox
            self.inbox = inbox
            self.service = service
            self.process = process
            let memory = ProcessMemory(pid: process.pid)
            self.memory = memory
            let now = Self.now
            self.devices = devices.map { NetDevice($0, memory: memory, now: now) }
            indices = Dictionary(zip(numbers, numbers.indices)) { first, _ in first }
            for index in devices.indices { showLimiters(index) }
        }

        private func showLimiters(_ index: Int) {
            mailbox.show(devices[index].receiveLimiter, devices[index].sendLimiter, at: index)
        }

        static var now: UInt64 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }

        /// Serves until it is told to stop or QEMU has ended.
        func run() throws(Errno) {
            var mustStop = false
            while !mustStop {
                events.removeAll(keepingCapacity: true)
                try mailbox.epoll.wait(nanoseconds: waitingTime()) { events.append($0) }
                for event in events {
                    switch event.token {
                    case Self.wakeToken: mustStop = obey() || mustStop
                    case Self.callsToken:
                        answerCalls()
                        mustStop = inbox.isClosed || mustStop
                    default: note(event)
                    }
                }
                let now = Self.now
                for index in devices.indices { turn(index, now: now) }
            }
        }

        private func waitingTime() -> Int64 {
            if devices.contains(where: \.isBusy) { return 0 }
            guard let deadline = devices.lazy.compactMap(\.deadline).min() else { return -1 }
            let now = Self.now
            return deadline > now ? Int64(clamping: deadline - now) : 0
        }

        private func note(_ event: Epoll.Event) {
            let device = devices[Int(event.token >> 2)]
            switch Source(rawValue: event.token & 3) {
            case .tap:
                device.isTapReadable = true
                device.mustReceive = true
            case .receiveKick: device.mustReceive = true
            case .transmitKick: device.mustTransmit = true
            case nil: break
            }
        }

        private func answerCalls() {
            inbox.answerCalls(memory) { (number, request) throws(Errno) in
                guard let index = indices[number] else { throw .notATerminal }
                let tokens = (Self.token(index, .receiveKick), Self.token(index, .transmitKick))
                let result = try devices[index].perform(request, of: process, epoll: mailbox.epoll, tokens: tokens)
                if case .setBackend(_, false) = request { showLimiters(index) }
                return result
            }
        }

        /// Whether it is told to stop.
        private func obey() -> Bool {
            for order in mailbox.takeOrders() {
                switch order {
                case .stop: return true
                case .replaceStore(let store): service.store = store
                case .updateLimiters(let index, let receive, let send):
                    devices[index].updateLimiters(receive: receive, send: send, now: Self.now)
                    showLimiters(index)
                }
            }
            return false
        }

        private func turn(_ index: Int, now: UInt64) {
            devices[index].turn(service: &service, now: now)
            let counted = devices[index].takeCounters()
            var metadata = counted.metadata
            metadata.add(service.takeCounters())
            mailbox.count(counted.frames, at: index, metadata)
        }
    }
}
