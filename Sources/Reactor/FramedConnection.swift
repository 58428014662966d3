package import GuestProtocol
package import Linux

/// Why a connection is over.
package enum ConnectionEnd: Error {
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
package final class FramedConnection {
    private let descriptor: Descriptor
    private let loop: EventLoop
    private var decoder: FrameDecoder
    private var registration: EventLoop.Registration?
    private var isWatchingForRoom = false
    /// A data frame that was sent in part: the loop's former buffer, and what is left in it.
    private var dataFrame: UnsafeMutableRawBufferPointer?
    private var dataLeft = 0..<0
    /// Control frames that come after it.
    private var controlFrames: [UInt8] = []

    /// - Parameter maximumControl: The longest message that the peer may send, in bytes.
    package init(
        _ descriptor: consuming Descriptor, loop: EventLoop, handler: any EventHandler, source: UInt8,
        maximumControl: Int = FrameType.maximumControl
    ) throws(Errno) {
        decoder = FrameDecoder(maximumControl: maximumControl)
        self.descriptor = descriptor
        self.loop = loop
        registration = try loop.add(self.descriptor.rawValue, [.readable], handler: handler, source: source)
    }

    deinit {
        if let dataFrame { loop.giveBack(dataFrame) }
    }

    /// Whether bytes wait until the peer takes more.
    package var isBlocked: Bool { dataFrame != nil || !controlFrames.isEmpty }

    /// The message of a piece.
    package static func message<Message: FrameMessage>(
        _ piece: FrameDecoder.Piece, as type: Message.Type = Message.self
    ) throws(ConnectionEnd) -> Message {
        do throws(GuestProtocolError) { return try Message(piece) } catch { throw .garbage(error) }
    }

    /// Sends a message, or lets it wait behind what waits already.
    package func send(_ message: some FrameMessage) throws(ConnectionEnd) {
        do throws(GuestProtocolError) { try message.encode(into: &controlFrames) } catch { throw .garbage(error) }
        if dataFrame == nil { try sendControlFrames() }
    }

    /// Sends a data frame whose payload the caller has put into the loop's buffer, after the room for a header. Only while not blocked.
    package func sendBuffered(_ header: FrameHeader) throws(ConnectionEnd) {
        header.store(to: loop.buffer)
        let length = FrameHeader.size + header.length
        let sent = try write(UnsafeRawBufferPointer(rebasing: loop.buffer[..<length]))
        if sent < length {
            dataFrame = loop.takeBuffer()
            dataLeft = sent..<length
            watchForRoom(true)
        }
    }

    /// Sends what waits, as far as the peer takes it.
    package func flush() throws(ConnectionEnd) {
        if let buffer = dataFrame {
            let sent = try write(UnsafeRawBufferPointer(rebasing: buffer[dataLeft]))
            dataLeft = (dataLeft.lowerBound + sent)..<dataLeft.upperBound
            if !dataLeft.isEmpty { return }
            dataFrame = nil
            loop.giveBack(buffer)
        }
        try sendControlFrames()
    }

    private func sendControlFrames() throws(ConnectionEnd) {
        if controlFrames.isEmpty { return }
        let frames = controlFrames
        controlFrames = []
        let result: Result<Int, ConnectionEnd> = frames.withUnsafeBytes { view in
            do throws(ConnectionEnd) { return .success(try write(view)) } catch { return .failure(error) }
        }
        let sent = try result.get()
        if sent < frames.count {
            controlFrames = Array(frames[sent...])
            watchForRoom(true)
        }
    }

    /// How many of the bytes the kernel took.
    private func write(_ bytes: UnsafeRawBufferPointer) throws(ConnectionEnd) -> Int {
        var offset = 0
        while offset < bytes.count {
            do throws(Errno) {
                offset += try descriptor.write(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
            } catch {
                guard error == .wouldBlock else { throw .failed(error) }
                break
            }
        }
        return offset
    }

    /// Whether the handler is told when the peer takes more; begins by itself when something has to wait.
    package func watchForRoom(_ enabled: Bool) {
        guard enabled != isWatchingForRoom, let registration else { return }
        isWatchingForRoom = enabled
        loop.modify(registration, enabled ? [.readable, .writable] : [.readable])
    }

    /// Reads once and gives the pieces to `body`, which must not use the loop's buffer while it looks at a piece.
    package func receive(_ body: (FrameDecoder.Piece) throws(ConnectionEnd) -> Void) throws(ConnectionEnd) {
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
    package func close() {
        if let registration { loop.remove(registration) }
        registration = nil
    }
}
