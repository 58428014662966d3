/// Which connections there are, which of them the guest is to hear of, and what becomes of a packet.
///
/// A connection is found by its two ports, and is held by whatever number the owner of the sockets gave it.
struct VsockMuxer {
    struct Ports: Hashable {
        var host: UInt32
        var guest: UInt32
    }

    /// What is to be done with a packet of the guest.
    enum Route: Hashable {
        /// Not for the host, or not to be answered.
        case drop
        /// The guest gets a reset.
        case refuse
        /// The guest asks for a connection to a port of the host.
        case open
        case connection(UInt64)
    }

    /// As many connections as Firecracker has.
    static let maximumConnections = 1023
    /// Host-initiated connections have ports from here on, below the next power of two.
    static let firstHostPort: UInt32 = 1 << 30

    private var connections: [Ports: UInt64] = [:]
    private(set) var nextHostPort: UInt32
    /// Resets for packets that belong to no connection.
    private var replies: [VsockHeader] = []
    /// Numbers of connections that the guest is to hear of, oldest first from `firstReady` on.
    private var ready: [UInt64] = []
    private var firstReady = 0

    var count: Int { connections.count }

    /// - Parameter nextHostPort: Where the ports of the host's connections go on; one out of range begins anew.
    init(nextHostPort: UInt32 = VsockMuxer.firstHostPort) {
        let range = Self.firstHostPort..<(2 * Self.firstHostPort)
        self.nextHostPort = range.contains(nextHostPort) ? nextHostPort : Self.firstHostPort
    }

    // MARK: Connections

    mutating func add(_ number: UInt64, _ ports: Ports) {
        connections[ports] = number
    }

    mutating func remove(_ ports: Ports) {
        connections[ports] = nil
    }

    /// Forgets everything but the next port of the host, so that no port comes back soon.
    mutating func removeAll() {
        connections.removeAll()
        replies.removeAll()
        ready.removeAll()
        firstReady = 0
    }

    /// A port of the host that no connection to this port of the guest has.
    mutating func takeHostPort(forGuestPort guestPort: UInt32) -> UInt32 {
        while true {
            let port = nextHostPort
            nextHostPort = port == Self.firstHostPort * 2 - 1 ? Self.firstHostPort : port + 1
            if connections[Ports(host: port, guest: guestPort)] == nil { return port }
        }
    }

    // MARK: Packets of the guest

    func route(_ header: VsockHeader) -> Route {
        guard header.destinationCID == VsockHeader.hostCID else { return .drop }
        let isReset = header.operation == VsockHeader.Operation.reset.rawValue
        guard header.type == VsockHeader.streamType else { return isReset ? .drop : .refuse }
        if let number = connections[Ports(host: header.destinationPort, guest: header.sourcePort)] {
            return .connection(number)
        }
        if header.operation == VsockHeader.Operation.request.rawValue { return .open }
        return isReset ? .drop : .refuse
    }

    /// A packet that is answered by a reset.
    mutating func refuse(_ header: VsockHeader, guestCID: UInt64) {
        var reply = VsockHeader(
            sourceCID: VsockHeader.hostCID, destinationCID: guestCID, sourcePort: header.destinationPort,
            destinationPort: header.sourcePort, operation: .reset)
        reply.type = header.type
        replies.append(reply)
    }

    /// A reset for a connection that is no more.
    mutating func reset(_ ports: Ports, guestCID: UInt64) {
        replies.append(
            VsockHeader(
                sourceCID: VsockHeader.hostCID, destinationCID: guestCID, sourcePort: ports.host,
                destinationPort: ports.guest, operation: .reset))
    }

    /// Asks the guest for a connection that no client wants.
    mutating func ask(guestCID: UInt64, port: UInt32) {
        replies.append(
            VsockHeader(
                sourceCID: VsockHeader.hostCID, destinationCID: guestCID, sourcePort: port, destinationPort: port,
                operation: .request))
    }

    // MARK: Packets for the guest

    /// A guest that sends without end what must be refused, and takes no answers, is not read from beyond this.
    var hasTooManyReplies: Bool { replies.count >= 256 }

    var hasSomethingForGuest: Bool { !replies.isEmpty || firstReady < ready.count }

    mutating func takeReply() -> VsockHeader? {
        replies.isEmpty ? nil : replies.removeFirst()
    }

    /// Puts a connection at the end of the line. The owner sees to it that none stands there twice.
    mutating func enqueue(_ number: UInt64) {
        ready.append(number)
    }

    /// The connection whose turn it is, which leaves the line.
    mutating func dequeue() -> UInt64? {
        guard firstReady < ready.count else { return nil }
        defer {
            firstReady += 1
            if firstReady == ready.count {
                ready.removeAll(keepingCapacity: true)
                firstReady = 0
            } else if firstReady >= 1024 {
                ready.removeFirst(firstReady)
                firstReady = 0
            }
        }
        return ready[firstReady]
    }

    /// Whether somebody else waits in the line.
    var isContended: Bool { firstReady < ready.count }
}
