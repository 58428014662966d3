/// The connections to one port of one address.
///
/// There are at most ``maximumConnections``. One more takes the place of one that has been silent for long; if there is none, it is reset.
struct TCPServer {
    static let maximumConnections = 30
    static let maximumPendingResets = 100

    private struct Entry {
        var peer: IPv4
        var peerPort: UInt16
        var connection: TCPConnection
    }

    private let port: UInt16
    private var entries: [Entry] = []
    private var pendingResets: [(peer: IPv4, segment: TCPSegment)] = []
    /// Whose turn it is to send.
    private var turn = 0

    init(port: UInt16) {
        self.port = port
    }

    var count: Int { entries.count }

    /// The first moment at which there may be something to send though nothing has come.
    var deadline: UInt64? { entries.compactMap(\.connection.deadline).min() }

    /// Takes a segment that came from `peer`.
    ///
    /// - Parameters:
    ///   - firstSequence: Of a connection that is new.
    ///   - answer: Makes the bytes of an answer from those of a request.
    mutating func receive(
        _ segment: TCPSegment, from peer: IPv4, firstSequence: UInt32, now: UInt64, counters: inout MetadataCounters,
        answer: ([UInt8]) -> [UInt8]
    ) {
        guard segment.destinationPort == port else {
            counters.acceptedWithError += 1
            return
        }
        counters.receivedSegments += 1
        let known = entries.firstIndex { $0.peer == peer && $0.peerPort == segment.sourcePort }
        if let known {
            if entries[known].connection.receive(segment, now: now, answer: answer) == .unusual {
                counters.acceptedUnusual += 1
            }
            if entries[known].connection.isDone { remove(known, &counters) }
        } else if let connection = TCPConnection(opening: segment, firstSequence: firstSequence, now: now) {
            open(connection, peer, segment, now: now, &counters)
        } else {
            counters.acceptedUnusual += 1
            refuse(segment, of: peer)
        }
    }

    private mutating func open(
        _ connection: TCPConnection, _ peer: IPv4, _ segment: TCPSegment, now: UInt64,
        _ counters: inout MetadataCounters
    ) {
        if entries.count >= Self.maximumConnections {
            guard let silent = entries.firstIndex(where: { $0.connection.isEvictable(now: now) }) else {
                return refuse(segment, of: peer)
            }
            addReset(entries[silent].connection.resetSegment, of: entries[silent].peer)
            remove(silent, &counters)
        }
        entries.append(Entry(peer: peer, peerPort: segment.sourcePort, connection: connection))
        counters.connectionsCreated += 1
    }

    private mutating func remove(_ index: Int, _ counters: inout MetadataCounters) {
        entries.remove(at: index)
        counters.connectionsDestroyed += 1
    }

    /// Resets whoever sent a segment that belongs to no connection.
    private mutating func refuse(_ segment: TCPSegment, of peer: IPv4) {
        guard !segment.flags.contains(.reset) else { return }
        var reset = TCPSegment(from: port, to: segment.sourcePort, sequence: 0, flags: [.reset])
        if segment.flags.contains(.acknowledgment) {
            reset.sequence = segment.acknowledged
        } else {
            reset.acknowledged = segment.sequence &+ segment.length
            reset.flags = [.reset, .acknowledgment]
        }
        addReset(reset, of: peer)
    }

    private mutating func addReset(_ segment: TCPSegment, of peer: IPv4) {
        if pendingResets.count < Self.maximumPendingResets { pendingResets.append((peer, segment)) }
    }

    /// The next segment to send and to whom, or nil if there is none for now.
    mutating func nextSegment(
        now: UInt64, counters: inout MetadataCounters
    ) -> (peer: IPv4, segment: TCPSegment)? {
        if !pendingResets.isEmpty { return pendingResets.removeFirst() }
        // One after another, so that a long answer does not hold up a short one.
        for _ in entries.indices {
            turn = turn + 1 < entries.count ? turn + 1 : 0
            let peer = entries[turn].peer
            guard let segment = entries[turn].connection.nextSegment(now: now) else { continue }
            if entries[turn].connection.isDone { remove(turn, &counters) }
            return (peer, segment)
        }
        return nil
    }
}
