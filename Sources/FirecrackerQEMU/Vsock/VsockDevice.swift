internal import Glibc
internal import Linux
internal import Synchronization

/// The vsock device: what QEMU takes for the kernel's vhost-vsock is this object, on a thread of its own.
///
/// Theory of operation. QEMU's ioctls arrive by way of ``VhostDispatcher``; packets are ``VsockHeader``s, whose meaning ``VsockMuxer`` and
/// ``VsockConnection`` know. All of what they share is free of I/O. This object has the sockets and one epoll over all that can happen.
///
/// One thread does everything and never waits elsewhere: QEMU holds its main lock during an ioctl, so that an answer which waited would
/// stop the machine. For the same reason nothing needs a lock, and when "stop" is answered nothing is in flight.
///
/// The host's side follows Firecracker: a client writes `CONNECT <port>\n` to the Unix socket and reads `OK <n>\n`; the guest's connection
/// to port P of the host arrives at `<path>_P`.
final class VsockDevice {
    struct Configuration: Sendable {
        /// QEMU.
        var process: ChildProcess
        /// Where its ioctls arrive.
        var inbox: VhostInbox
        /// The Unix socket of the host's clients.
        var listener: Int32
        var path: String
        var control: VsockControl
    }

    enum Token: UInt64 {
        case calls, listener, control, receiveKick, transmitKick
        /// Endpoints have numbers from here on.
        case firstEndpoint = 16
    }

    /// The room for bytes of the guest that a host's socket has not taken. Firecracker's is 64 KiB; more saves a guest messages, which
    /// cost it more than bytes do. Many connections have less, so that a guest cannot fill this process's memory: all have 90 MiB.
    var connectionCapacity: UInt32 {
        switch endpoints.count {
        case ...16: 1 << 20
        case ...64: 256 << 10
        default: 64 << 10
        }
    }

    /// How long the guest may take to answer a request or a shutdown, as in Firecracker.
    static let answerTime: UInt64 = 2_000_000_000

    /// As many packets for the guest as go into one copy, with two stretches of memory here for each.
    static let maximumPackets = 256

    let configuration: Configuration
    var counters: VsockCounters { configuration.control.counters }
    let epoll: Epoll
    let memory: ProcessMemory
    var regions = MemoryTable()
    /// From the host to the guest, and back.
    var receive = VirtQueue(.toDriver)
    var transmit = VirtQueue(.fromDriver)
    /// Eventfds of the two queues, shared with QEMU: the guest notifies of buffers, and is interrupted for them.
    var kicks: [Int32?] = [nil, nil]
    var calls: [Int32?] = [nil, nil]
    /// What GET_VRING_BASE last answered.
    var lastBases: [UInt16] = [0, 0]
    var guestCID: UInt64 = 3
    var isRunning = false
    /// A ring broke a rule: nothing goes on until the driver is set up again.
    var isBroken = false

    var muxer: VsockMuxer
    var endpoints: [UInt64: VsockEndpoint] = [:]
    var nextNumber = Token.firstEndpoint.rawValue
    /// Those whose guest must answer, in the order of their deadlines (nanoseconds of the monotonic clock).
    var deadlines: [(time: UInt64, number: UInt64, phase: VsockConnection.Phase)] = []
    var acceptsClients = false
    var admission: Admission
    /// Holds a descriptor back for the moment when there are no more.
    var spare: EventCounter?
    var mustTransmit = false
    var mustReceive = false
    /// Chains of the guest, and their bytes, that were given back without an interrupt.
    var quietChains = 0
    var quietBytes = 0
    /// How long, in nanoseconds, the guest may have to wait for that interrupt.
    static let quietTime: Int64 = 4_000_000

    /// Where bytes stand on their way, and the headers of packets to the guest.
    let staging = UnsafeMutableRawBufferPointer.allocate(byteCount: 512 << 10, alignment: 64)
    let headers = UnsafeMutableRawBufferPointer.allocate(
        byteCount: VsockHeader.size * VsockDevice.maximumPackets, alignment: 64)
    private var events: [Epoll.Event] = []
    var localSpans: [MemorySpan] = []
    var remoteSpans: [MemorySpan] = []

    init(_ configuration: Configuration) throws(Errno) {
        self.configuration = configuration
        admission = configuration.control.holdsClients ? .held : .open
        muxer = VsockMuxer(nextHostPort: configuration.control.nextHostPort.load(ordering: .relaxed))
        memory = ProcessMemory(pid: configuration.process.pid)
        epoll = try Epoll()
        spare = try EventCounter()
    }

    deinit {
        staging.deallocate()
        headers.deallocate()
        // A call of QEMU that waits fails then, instead of waiting for ever.
        configuration.inbox.close()
        for descriptor in kicks + calls { if let descriptor { Glibc.close(descriptor) } }
    }

    /// Serves until it is told to stop or QEMU has ended.
    func run() throws(Errno) {
        try epoll.add(configuration.inbox.wake.descriptor.rawValue, .readable, token: Token.calls.rawValue)
        try epoll.add(
            configuration.control.wake.descriptor.rawValue, .readable, token: Token.control.rawValue)
        while try turn() {}
    }

    /// Does what there is to do, after waiting for something to happen. Whether there may be more.
    func turn(waits: Bool = true) throws(Errno) -> Bool {
        events.removeAll(keepingCapacity: true)
        let count = try epoll.wait(nanoseconds: waits ? waitingTime() : 0) { events.append($0) }
        if count == 0 { reportTransmitted() }
        for event in events {
            switch Token(rawValue: event.token) {
            case .control: if !obey() { return false }
            case .calls:
                answerCalls()
                if configuration.inbox.isClosed { return false }
            case .listener: acceptClients()
            case .receiveKick: counters.count(.receiveEvents)
            case .transmitKick:
                counters.count(.transmitEvents)
                mustTransmit = true
            case .firstEndpoint, nil:
                if let endpoint = endpoints[event.token] { handle(endpoint, event.events) }
            }
        }
        if isRunning {
            expireDeadlines()
            expireAdmission()
        }
        pump()
        return true
    }

    /// Moves what can be moved.
    private func pump() {
        guard isRunning, !isBroken else { return }
        do throws(VirtQueue.Fault) {
            if mustTransmit { try pumpTransmit() }
            if muxer.hasSomethingForGuest { try pumpReceive() } else { mustReceive = false }
        } catch {
            isBroken = true
            closeAll()
        }
    }

    /// Interrupts the guest.
    func call(_ queue: Int) {
        guard let call = calls[queue] else { return }
        var one: UInt64 = 1
        _ = write(call, &one, 8)
    }

    /// Does what another thread asks for. Whether it goes on.
    private func obey() -> Bool {
        let isOrdered = configuration.control.takeOrders()
        if isOrdered(.stop) { return false }
        if isOrdered(.dropConnections) { dropConnections() }
        if isOrdered(.admitClients) { admitClients() }
        return true
    }

    // MARK: Time

    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// How long to wait at most for something to happen, in nanoseconds; -1 is without end.
    private func waitingTime() -> Int64 {
        guard isRunning, !isBroken else { return -1 }
        if mustReceive || mustTransmit && !muxer.hasTooManyReplies { return 0 }
        let idle = quietChains > 0 ? Self.quietTime : -1
        guard let time = nextDeadline else { return idle }
        let wait = Int64(clamping: time - min(time, Self.now)) + 1000
        return idle < 0 ? wait : min(wait, idle)
    }

    private var nextDeadline: UInt64? {
        guard case .asking(let time) = admission else { return deadlines.first?.time }
        return min(time, deadlines.first?.time ?? time)
    }

    func setDeadline(_ endpoint: VsockEndpoint) {
        guard let phase = endpoint.connection?.phase else { return }
        deadlines.append((Self.now + Self.answerTime, endpoint.number, phase))
    }

    private func expireDeadlines() {
        guard !deadlines.isEmpty else { return }
        let now = Self.now
        while let first = deadlines.first, first.time <= now {
            deadlines.removeFirst()
            guard let endpoint = endpoints[first.number], endpoint.connection?.phase == first.phase else { continue }
            resetAndClose(endpoint)
        }
    }

    /// After a pause in which the guest could not answer.
    func renewDeadlines() {
        let time = Self.now + Self.answerTime
        for index in deadlines.indices { deadlines[index].time = time }
    }
}
