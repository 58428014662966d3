internal import GuestProtocol
internal import Linux

/// Why a connection is over.
enum ConnectionEnd: Error {
    /// The peer closed it.
    case closed
    /// The kernel or the peer broke it.
    case failed(Errno)
    /// The peer sent what is not the protocol.
    case garbage(GuestProtocolError)
}

/// A stream socket that carries frames, and what could not be sent yet.
///
/// Back-pressure is the owner's: while ``isBlocked`` it reads from no source of data, so that never more than one data frame, and a
/// few control frames, wait here. The owner handles the readiness of the descriptor and calls ``receive(_:)`` and ``flush()``.
final class FramedConnection {
    private let descriptor: Descriptor
    private let loop: EventLoop
    private var decoder = FrameDecoder()
    private var registration: EventLoop.Registration?
    private var waiting: [UInt8] = []
    private var waitingOffset = 0

    init(
        _ descriptor: consuming Descriptor, loop: EventLoop, handler: any EventHandler, source: UInt8
    ) throws(Errno) {
        self.descriptor = descriptor
        self.loop = loop
        registration = try loop.add(self.descriptor.rawValue, [.readable], handler: handler, source: source)
    }

    /// Whether bytes wait until the peer takes more.
    var isBlocked: Bool { waitingOffset < waiting.count }

    /// The message of a piece.
    static func message<Message: FrameMessage>(
        _ piece: FrameDecoder.Piece, as type: Message.Type = Message.self
    ) throws(ConnectionEnd) -> Message {
        do throws(GuestProtocolError) { return try Message(piece) } catch { throw .garbage(error) }
    }

    /// Sends a message, or lets it wait behind what waits already.
    func send(_ message: some FrameMessage) throws(ConnectionEnd) {
        let frame: [UInt8]
        do throws(GuestProtocolError) { frame = try message.encoded() } catch { throw .garbage(error) }
        if isBlocked {
            waiting += frame
            return
        }
        try transmit(count: frame.count) { (offset) throws(Errno) in
            try systemWrite(frame, from: offset)
        } rest: { offset in
            Array(frame[offset...])
        }
    }

    /// Sends a data frame whose payload the caller has put into the loop's buffer, after the room for a header.
    func sendBuffered(_ header: FrameHeader) throws(ConnectionEnd) {
        header.store(to: loop.buffer)
        let frame = UnsafeRawBufferPointer(rebasing: loop.buffer[..<(FrameHeader.size + header.length)])
        if isBlocked {
            waiting.append(contentsOf: frame)
            return
        }
        try transmit(count: frame.count) { (offset) throws(Errno) in
            try descriptor.write(UnsafeRawBufferPointer(rebasing: frame[offset...]))
        } rest: { offset in
            Array(frame[offset...])
        }
    }

    /// Writes as much as the kernel takes and keeps the rest.
    private func transmit(
        count: Int, write: (Int) throws(Errno) -> Int, rest: (Int) -> [UInt8]
    ) throws(ConnectionEnd) {
        var offset = 0
        while offset < count {
            do throws(Errno) {
                offset += try write(offset)
            } catch {
                guard error == .wouldBlock else { throw .failed(error) }
                waiting = rest(offset)
                waitingOffset = 0
                watch([.readable, .writable])
                return
            }
        }
    }

    private func systemWrite(_ bytes: [UInt8], from offset: Int) throws(Errno) -> Int {
        let result: Result<Int, Errno> = bytes.withUnsafeBytes { view in
            do throws(Errno) {
                return .success(try descriptor.write(UnsafeRawBufferPointer(rebasing: view[offset...])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Sends what waits, as far as the peer takes it.
    func flush() throws(ConnectionEnd) {
        while isBlocked {
            do throws(Errno) {
                waitingOffset += try systemWrite(waiting, from: waitingOffset)
            } catch {
                if error == .wouldBlock { return }
                throw .failed(error)
            }
        }
        waiting = []
        waitingOffset = 0
        watch([.readable])
    }

    private func watch(_ events: Epoll.Events) {
        if let registration { loop.modify(registration, events) }
    }

    /// Reads once and gives the pieces to `body`, which must not use the loop's buffer while it looks at a piece.
    func receive(_ body: (FrameDecoder.Piece) throws(ConnectionEnd) -> Void) throws(ConnectionEnd) {
        let count: Int
        do throws(Errno) {
            count = try descriptor.read(into: loop.buffer)
        } catch {
            if error == .wouldBlock { return }
            throw .failed(error)
        }
        if count == 0 { throw .closed }
        var input = UnsafeRawBufferPointer(rebasing: loop.buffer[..<count])
        while registration != nil, let piece = try nextPiece(&input) { try body(piece) }
    }

    private func nextPiece(_ input: inout UnsafeRawBufferPointer) throws(ConnectionEnd) -> FrameDecoder.Piece? {
        do throws(GuestProtocolError) { return try decoder.next(&input) } catch { throw .garbage(error) }
    }

    /// Waits for nothing any more. The descriptor is closed with the last reference.
    func close() {
        if let registration { loop.remove(registration) }
        registration = nil
    }
}
