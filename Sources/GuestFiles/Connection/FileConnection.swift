internal import Glibc
public import GuestProtocol
public import Linux

/// One end of a file connection: frames on a stream socket, read and written by one thread that may wait.
///
/// It is a sink and a source of bytes, which travel in data frames. The other end may fail while this one still sends: so before
/// each frame is sent it is looked whether something has come.
public final class FileConnection: ArchiveSink, ArchiveSource {
    private let socket: Descriptor
    private var decoder = FrameDecoder()
    /// A data frame in the making: room for its header, then the payload.
    private let output: UnsafeMutableRawBufferPointer
    private var outputCount = 0
    /// A whole data frame. Linux sends on vsock in packets of 64 KiB: with a length that they divide, no frame ends in a packet of a few
    /// bytes, which would cost the guest as much as a full one.
    private static let frameLength = 256 << 10
    private let input: UnsafeMutableRawBufferPointer
    /// What has been read and not decoded, and what of the present data frame has not been given out.
    private var undecoded = UnsafeRawBufferPointer(start: nil, count: 0)
    private var data = UnsafeRawBufferPointer(start: nil, count: 0)
    /// A message that has come and that nobody has asked for yet.
    private var message: FileMessage?
    private var moved = 0

    /// Told, after each piece of data, how many bytes of data have gone in either direction. Default: nobody.
    public var progress: ((Int) -> Void)?

    /// - Parameter socket: Blocking.
    public init(_ socket: consuming Descriptor) {
        self.socket = socket
        output = .allocate(byteCount: Self.frameLength, alignment: 4096)
        input = .allocate(byteCount: Self.frameLength, alignment: 4096)
    }

    deinit {
        output.deallocate()
        input.deallocate()
    }

    // MARK: Sending

    /// Room in the data frame that is sent next.
    public func room() throws(TransferError) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: output[(FrameHeader.size + outputCount)...])
    }

    /// Takes bytes into the data frame, and sends it when it is full.
    public func commit(_ count: Int) throws(TransferError) {
        outputCount += count
        if FrameHeader.size + outputCount == Self.frameLength { try flush() }
    }

    /// Sends what has been put into the room.
    public func flush() throws(TransferError) {
        guard outputCount > 0 else { return }
        try lookForFailure()
        do throws(GuestProtocolError) {
            try FrameHeader(.fileData, length: outputCount).store(to: output)
        } catch {
            throw .garbage(error)
        }
        try write(UnsafeRawBufferPointer(rebasing: output[..<(FrameHeader.size + outputCount)]))
        report(outputCount)
        outputCount = 0
    }

    /// Sends a message, after all data that were put into the room.
    public func send(_ message: FileMessage) throws(TransferError) {
        try flush()
        let frame: [UInt8]
        do throws(GuestProtocolError) { frame = try message.encoded() } catch { throw .garbage(error) }
        let result: Result<Void, TransferError> = frame.withUnsafeBytes { view in
            do throws(TransferError) { return .success(try write(view)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Says that this end has failed. Data that were not sent yet are not.
    public func send(_ failure: FileFailure) throws(TransferError) {
        outputCount = 0
        try send(.failed(failure))
    }

    /// Whoever only receives has nothing to say but that it has failed, or gone.
    private func lookForFailure() throws(TransferError) {
        var poll = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 0) > 0 else { return }
        switch try receive() {
        case .data: throw .garbage(.unexpectedFrame(type: FrameType.fileData.rawValue))
        case .control(let type, let payload): throw Self.unexpected(try Self.decode(type, payload))
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(TransferError) {
        var done = 0
        let value = socket.rawValue
        do throws(Errno) {
            while done < bytes.count {
                let start = done
                // Not write(2): a closed connection would be a signal to the whole process.
                done += try systemCall {
                    Glibc.send(
                        value, bytes.baseAddress.map { $0 + start }, bytes.count - start, Int32(MSG_NOSIGNAL))
                }
            }
        } catch {
            // What the other end said before it went explains more.
            if let failure = try? lastWords() { throw failure }
            throw .connection(error)
        }
    }

    private func lastWords() throws(TransferError) -> TransferError? {
        guard case .control(let type, let payload) = try receive() else { return nil }
        guard case .failed(let failure) = try Self.decode(type, payload) else { return nil }
        return .peer(failure)
    }

    // MARK: Receiving

    /// The next bytes; none after the last, when the other end has said that it has finished.
    public func next(upTo limit: Int) throws(TransferError) -> UnsafeRawBufferPointer {
        if data.isEmpty {
            if message != nil { return data }
            switch try receive() {
            case .data(_, let view):
                data = view
                report(view.count)
            case .control(let type, let payload):
                let message = try Self.decode(type, payload)
                if case .failed = message { throw Self.unexpected(message) }
                self.message = message
                return data
            }
        }
        let piece = UnsafeRawBufferPointer(rebasing: data.prefix(limit))
        data = UnsafeRawBufferPointer(rebasing: data.dropFirst(piece.count))
        return piece
    }

    /// The next message. Data that come before it are dropped.
    ///
    /// - Throws: `peer` if it is that the other end has failed.
    public func nextMessage() throws(TransferError) -> FileMessage {
        while try !next(upTo: .max).isEmpty {}
        defer { message = nil }
        guard let message else { throw .connection(nil) }
        return message
    }

    private func report(_ count: Int) {
        moved += count
        progress?(moved)
    }

    private func receive() throws(TransferError) -> FrameDecoder.Piece {
        while true {
            do throws(GuestProtocolError) {
                if let piece = try decoder.next(&undecoded) { return piece }
            } catch {
                throw .garbage(error)
            }
            let count: Int
            do throws(Errno) { count = try socket.read(into: input) } catch { throw .connection(error) }
            if count == 0 { throw .connection(nil) }
            undecoded = UnsafeRawBufferPointer(rebasing: input[..<count])
        }
    }

    private static func decode(_ type: FrameType, _ payload: [UInt8]) throws(TransferError) -> FileMessage {
        do throws(GuestProtocolError) { return try FileMessage(type, payload: payload) } catch { throw .garbage(error) }
    }

    private static func unexpected(_ message: FileMessage) -> TransferError {
        if case .failed(let failure) = message { return .peer(failure) }
        return .garbage(.unexpectedFrame(type: message.frameType.rawValue))
    }
}
