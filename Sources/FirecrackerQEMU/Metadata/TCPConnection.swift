/// The server's side of one connection, over which requests of HTTP are answered one after another.
///
/// Theory of operation. Segments in (``receive(_:now:answer:)``), segments out (``nextSegment(now:)``, until there is none), and a time at
/// which to ask again (``deadline``): it does no I/O and has no clock. Everything is bounded, because the peer is a guest: the input by the
/// window that is offered, the output by one answer at a time; the next request is looked at once the answer before it has been
/// acknowledged. Segments are taken in their order and others are dropped, for the peer will send them again. What is not acknowledged in
/// time is sent again from there on; after many times in vain the connection is reset.
struct TCPConnection {
    /// The longest request, in bytes: its first line and its headers.
    static let inputLimit = 2500
    /// Nanoseconds until what was not acknowledged is sent again, and how often that is done.
    static let retransmissionTime: UInt64 = 300_000_000
    static let maximumRetransmissions = 15
    /// Nanoseconds of silence after which it may make room for another connection.
    static let evictionTime: UInt64 = 10_000_000_000
    /// The most bytes that a segment to here may carry.
    static let segmentSize: UInt16 = 1460
    /// What a peer takes that does not say, and what is not gone below, whatever it says.
    static let defaultSegmentSize: UInt16 = 536
    static let minimumSegmentSize: UInt16 = 100

    /// What a segment was.
    enum Verdict {
        case good
        /// A well-behaved peer does not send it.
        case unusual
    }

    private enum State {
        case opening, open, resetting, done
    }

    private let port: UInt16
    private let peerPort: UInt16
    private var state = State.opening
    private var lastHeard: UInt64

    // What is sent. All of these are sequence numbers, which wrap around.
    private let firstSequence: UInt32
    /// The first that the peer has not acknowledged.
    private var unacknowledged: UInt32
    private var nextToSend: UInt32
    /// Behind the last that was ever sent; more than `nextToSend` while segments are sent again.
    private var sentEnd: UInt32
    /// Behind the last that the peer has room for.
    private var windowEnd: UInt32
    private let peerSegmentSize: UInt16
    private var output: [UInt8] = []
    private var outputStart: UInt32
    /// That of the end, once nothing more is to be sent.
    private var endSequence: UInt32?

    private var timerStart: UInt64?
    private var retransmissions = 0

    // What is received.
    private var expected: UInt32
    private var input: [UInt8] = []
    private var hasReceivedEnd = false
    private var owesAcknowledgment = false

    /// Nil if the segment does not ask for a connection as it should.
    init?(opening segment: TCPSegment, firstSequence: UInt32, now: UInt64) {
        guard segment.flags == [.syn], segment.payload.isEmpty else { return nil }
        port = segment.destinationPort
        peerPort = segment.sourcePort
        lastHeard = now
        self.firstSequence = firstSequence
        unacknowledged = firstSequence
        nextToSend = firstSequence
        sentEnd = firstSequence
        windowEnd = firstSequence &+ 1 &+ UInt32(segment.window)
        peerSegmentSize = min(
            max(segment.maximumSize ?? Self.defaultSegmentSize, Self.minimumSegmentSize), Self.segmentSize)
        outputStart = firstSequence &+ 1
        expected = segment.sequence &+ 1
    }

    /// Whether nothing more will come of it.
    var isDone: Bool { state == .done }

    func isEvictable(now: UInt64) -> Bool { now > lastHeard && now - lastHeard > Self.evictionTime }

    /// When ``nextSegment(now:)`` is to be asked even if nothing has come.
    var deadline: UInt64? {
        state == .done ? nil : timerStart.map { $0 + Self.retransmissionTime }
    }

    /// What resets the peer's side if this one is given up now.
    var resetSegment: TCPSegment {
        segment([.reset, .acknowledgment], at: sentEnd)
    }

    // MARK: Receiving

    /// Takes a segment.
    ///
    /// - Parameter answer: Makes the bytes of an answer from those of a request, if there is one now.
    mutating func receive(_ segment: TCPSegment, now: UInt64, answer: ([UInt8]) -> [UInt8]) -> Verdict {
        guard state == .opening || state == .open else { return .good }
        lastHeard = now
        if segment.flags.contains(.reset) {
            // Only the peer knows what is expected.
            if segment.sequence == expected { state = .done } else { owesAcknowledgment = true }
            return .unusual
        }
        if segment.flags.contains(.syn) {
            if state == .opening, segment.sequence &+ 1 == expected {
                nextToSend = firstSequence
            } else {
                // If the peer has begun anew, its answer to this is a reset, and it will ask again.
                owesAcknowledgment = true
            }
            return .unusual
        }
        guard segment.flags.contains(.acknowledgment) else { return .unusual }
        guard acknowledge(segment, now: now) else { return isDone ? .good : .unusual }
        let verdict = take(segment)
        serve(answer)
        if hasReceivedEnd, output.isEmpty, endSequence == nil { endSequence = sentEnd }
        return verdict
    }

    /// Whether the rest of the segment is to be looked at.
    private mutating func acknowledge(_ segment: TCPSegment, now: UInt64) -> Bool {
        let advance = segment.acknowledged &- unacknowledged
        if Int32(bitPattern: advance) < 0 {
            // An old one, that was under way for long.
            return state == .open
        }
        guard advance <= sentEnd &- unacknowledged, state == .open || advance > 0 else {
            if state == .opening { state = .resetting } else { owesAcknowledgment = true }
            return false
        }
        state = .open
        windowEnd = segment.acknowledged &+ UInt32(segment.window)
        guard advance > 0 else { return true }
        unacknowledged = segment.acknowledged
        retransmissions = 0
        timerStart = unacknowledged == sentEnd ? nil : now
        if Int32(bitPattern: nextToSend &- unacknowledged) < 0 { nextToSend = unacknowledged }
        if let endSequence, unacknowledged == endSequence &+ 1 {
            state = .done
            return false
        }
        return true
    }

    private mutating func take(_ segment: TCPSegment) -> Verdict {
        let old = Int32(bitPattern: expected &- segment.sequence)
        if segment.length == 0 {
            // A peer that asks whether anybody is there.
            if old != 0 { owesAcknowledgment = true }
            return old == 0 ? .good : .unusual
        }
        owesAcknowledgment = true
        guard !hasReceivedEnd, old >= 0, UInt32(old) < segment.length else { return .unusual }
        let fresh = segment.payload.dropFirst(Int(old))
        let taken = fresh.prefix(Self.inputLimit - input.count)
        input += taken
        expected &+= UInt32(taken.count)
        if segment.flags.contains(.fin), taken.count == fresh.count {
            hasReceivedEnd = true
            expected &+= 1
        }
        return taken.count == fresh.count ? .good : .unusual
    }

    /// Answers the next request if the answer before it has arrived.
    private mutating func serve(_ answer: ([UInt8]) -> [UInt8]) {
        if !output.isEmpty, unacknowledged == outputStart &+ UInt32(output.count) { output = [] }
        guard output.isEmpty, endSequence == nil, state == .open else { return }
        if let end = requestEnd {
            output = answer(Array(input[..<end]))
            outputStart = sentEnd
            input.removeFirst(end)
            owesAcknowledgment = true
        } else if input.count == Self.inputLimit {
            state = .resetting
        }
    }

    /// Behind the empty line that ends a request.
    private var requestEnd: Int? {
        let (feed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        for index in input.indices.dropLast() where input[index] == feed {
            if input[index + 1] == feed { return index + 2 }
            if index + 2 < input.count, input[index + 1] == carriageReturn, input[index + 2] == feed {
                return index + 3
            }
        }
        return nil
    }

    // MARK: Sending

    /// The next segment to send, or nil if there is none for now.
    mutating func nextSegment(now: UInt64) -> TCPSegment? {
        if state == .done { return nil }
        expireTimer(now: now)
        switch state {
        case .done: return nil
        case .resetting:
            state = .done
            return resetSegment
        case .opening where nextToSend == firstSequence:
            return send([.syn, .acknowledgment], length: 1, now: now)
        case .opening, .open: break
        }
        if let count = sendableCount {
            let start = Int(nextToSend &- outputStart)
            let payload = output[start..<(start + count)]
            let isLast = start + count == output.count
            return send(
                isLast ? [.acknowledgment, .push] : [.acknowledgment], payload, length: UInt32(count), now: now)
        }
        if let endSequence, nextToSend == endSequence {
            return send([.fin, .acknowledgment], length: 1, now: now)
        }
        guard owesAcknowledgment, state == .open else { return nil }
        owesAcknowledgment = false
        return segment([.acknowledgment], at: nextToSend)
    }

    /// How many bytes of the answer can go into a segment now; nil if none.
    private var sendableCount: Int? {
        let offset = Int32(bitPattern: nextToSend &- outputStart)
        guard offset >= 0, Int(offset) < output.count else { return nil }
        let room = Int(Int32(bitPattern: windowEnd &- nextToSend))
        let count = min(output.count - Int(offset), room, Int(peerSegmentSize))
        return count > 0 ? count : nil
    }

    private mutating func send(
        _ flags: TCPSegment.Flags, _ payload: ArraySlice<UInt8> = [], length: UInt32, now: UInt64
    ) -> TCPSegment {
        let result = segment(flags, at: nextToSend, payload)
        nextToSend &+= length
        if Int32(bitPattern: nextToSend &- sentEnd) > 0 { sentEnd = nextToSend }
        if timerStart == nil { timerStart = now }
        owesAcknowledgment = false
        return result
    }

    private func segment(
        _ flags: TCPSegment.Flags, at sequence: UInt32, _ payload: ArraySlice<UInt8> = []
    ) -> TCPSegment {
        TCPSegment(
            from: port, to: peerPort, sequence: sequence, acknowledged: expected, flags: flags,
            window: UInt16(Self.inputLimit - input.count),
            maximumSize: flags.contains(.syn) ? Self.segmentSize : nil, payload: payload)
    }

    private mutating func expireTimer(now: UInt64) {
        guard let start = timerStart, now >= start + Self.retransmissionTime else { return }
        retransmissions += 1
        timerStart = now
        nextToSend = unacknowledged
        if retransmissions > Self.maximumRetransmissions { state = .resetting }
    }
}
