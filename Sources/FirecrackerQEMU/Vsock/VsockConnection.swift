/// The state of one connection between a guest's socket and a Unix socket of the host, without the sockets.
///
/// Credit. Each side says in every header how large its buffer is and how many bytes have left it since the connection began; the other
/// side never has more in flight than fits. Here the buffer of the guest's bytes is what the Unix socket does not take at once.
///
/// The end. Firecracker's ways, which clients know: the end of what the host sends shuts both directions; that the guest shuts one
/// direction is noted, and only when it has shut both the Unix socket is closed, after what it is still to get.
struct VsockConnection {
    enum Phase: Hashable {
        /// The host asked for the connection and the guest has not answered.
        case requested
        case established
        /// The host has closed: the guest was told, and is to answer with a reset.
        case hostClosed
        /// The guest has closed: the Unix socket gets what is left and is closed.
        case guestClosed
    }

    /// What the guest is to be told, in the order of the cases.
    struct Pending: OptionSet, Hashable {
        var rawValue: UInt8
        static let request = Pending(rawValue: 2)
        static let response = Pending(rawValue: 4)
        static let shutdown = Pending(rawValue: 8)
        static let creditRequest = Pending(rawValue: 16)
        static let creditUpdate = Pending(rawValue: 32)
    }

    /// What the owner of the sockets is to do about a packet.
    enum Reaction: Hashable {
        case nothing
        /// The guest has accepted: the host's client is told so.
        case accepted
        /// The payload goes to the Unix socket.
        case deliver
        /// There is more credit: the Unix socket may be read again.
        case credit
        /// The connection is over and the guest knows: the Unix socket is closed.
        case close
        /// The guest has shut both directions: the Unix socket is closed when it has taken all, and the guest gets a reset.
        case finish
        /// The guest broke a rule: it gets a reset, the Unix socket is closed.
        case violation
    }

    let hostPort: UInt32
    let guestPort: UInt32
    private(set) var phase: Phase
    var pending: Pending

    /// The room for bytes from the guest.
    let capacity: UInt32
    /// Bytes from the guest, modulo 2³²: taken over, given to the Unix socket, and reported to the guest as given.
    private(set) var received: UInt32 = 0
    private(set) var forwarded: UInt32 = 0
    private var reported: UInt32 = 0

    /// Bytes to the guest, modulo 2³².
    private var sent: UInt32 = 0
    private var guestCapacity: UInt32 = 0
    private var guestForwarded: UInt32 = 0
    /// Whether the guest was asked for credit since it last gave some.
    private var hasAskedForCredit = false

    private(set) var guestShutdown: VsockHeader.Shutdown = []

    /// A connection that the host asks for.
    init(hostPort: UInt32, guestPort: UInt32, capacity: UInt32) {
        self.hostPort = hostPort
        self.guestPort = guestPort
        self.capacity = capacity
        phase = .requested
        pending = .request
    }

    /// A connection that the guest asked for with `request`, and that was made.
    init(accepting request: VsockHeader, capacity: UInt32) {
        hostPort = request.destinationPort
        guestPort = request.sourcePort
        self.capacity = capacity
        phase = .established
        pending = .response
        guestCapacity = request.bufferSize
        guestForwarded = request.forwarded
    }

    // MARK: From the guest

    /// - Parameter header: Of a packet whose payload is all there.
    mutating func receive(_ header: VsockHeader) -> Reaction {
        guestCapacity = header.bufferSize
        guestForwarded = header.forwarded
        guard let operation = VsockHeader.Operation(rawValue: header.operation) else { return .violation }
        switch (operation, phase) {
        case (.reset, _):
            return .close
        case (.response, .requested):
            phase = .established
            return .accepted
        case (.response, _), (.request, _), (_, .requested):
            return .violation
        case (.data, .established):
            guard !guestShutdown.contains(.send) else { return .nothing }
            guard header.length <= capacity &- (received &- forwarded) else { return .violation }
            received &+= header.length
            return .deliver
        case (.data, _):
            // On its way when the connection was closed.
            return .nothing
        case (.shutdown, .established):
            guestShutdown.formUnion(VsockHeader.Shutdown(rawValue: header.flags & 3))
            guard guestShutdown == .both else { return .nothing }
            fallthrough
        case (.shutdown, .hostClosed):
            phase = .guestClosed
            pending = []
            return .finish
        case (.creditRequest, _):
            pending.insert(.creditUpdate)
            return .credit
        case (.creditUpdate, _), (.shutdown, _):
            return .credit
        }
    }

    /// The Unix socket took bytes that came from the guest.
    mutating func forward(_ count: Int) {
        forwarded &+= UInt32(truncatingIfNeeded: count)
        // The driver has no more in flight than the smaller of the two buffers. It is told at a half, so that it seldom is and never
        // waits while there is room.
        let window = min(capacity, guestCapacity)
        if phase == .established, count > 0, forwarded &- reported >= window / 2 { pending.insert(.creditUpdate) }
    }

    // MARK: To the guest

    /// How many bytes the guest has room for.
    var credit: Int {
        let inFlight = sent &- guestForwarded
        return inFlight <= guestCapacity ? Int(guestCapacity - inFlight) : 0
    }

    /// Whether bytes of the Unix socket may go to the guest at all.
    var mayCarryData: Bool {
        phase == .established && !guestShutdown.contains(.receive) && pending.isDisjoint(with: .response)
    }

    /// Asks the guest for credit, once for each time that it runs out.
    mutating func askForCredit() {
        guard !hasAskedForCredit else { return }
        hasAskedForCredit = true
        pending.insert(.creditRequest)
    }

    /// The Unix socket has ended.
    mutating func hostClosed() {
        guard phase == .established else { return }
        phase = .hostClosed
        pending = pending.intersection(.response).union(.shutdown)
    }

    /// The next packet without data that the guest is to get.
    mutating func nextControl(guestCID: UInt64) -> VsockHeader? {
        let order: [(Pending, VsockHeader.Operation)] = [
            (.request, .request), (.response, .response), (.shutdown, .shutdown), (.creditRequest, .creditRequest),
            (.creditUpdate, .creditUpdate),
        ]
        for (bit, operation) in order where pending.contains(bit) {
            pending.remove(bit)
            var header = makeHeader(operation, guestCID: guestCID)
            if operation == .shutdown { header.flags = VsockHeader.Shutdown.both.rawValue }
            return header
        }
        return nil
    }

    /// The header of `count` bytes for the guest, at most ``credit``.
    mutating func dataHeader(_ count: Int, guestCID: UInt64) -> VsockHeader {
        var header = makeHeader(.data, guestCID: guestCID)
        header.length = UInt32(truncatingIfNeeded: count)
        sent &+= header.length
        hasAskedForCredit = false
        return header
    }

    private mutating func makeHeader(_ operation: VsockHeader.Operation, guestCID: UInt64) -> VsockHeader {
        var header = VsockHeader(
            sourceCID: VsockHeader.hostCID, destinationCID: guestCID, sourcePort: hostPort, destinationPort: guestPort,
            operation: operation)
        header.bufferSize = capacity
        header.forwarded = forwarded
        reported = forwarded
        pending.remove(.creditUpdate)
        return header
    }
}
