internal import FirecrackerClient
internal import GuestProtocol
internal import NIOCore

/// The frames of one connection to a guest, taken from its bytes as they arrive.
///
/// Not Sendable: a connection has one reader.
final class FrameReader {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var decoder = FrameDecoder()
    private var input = ByteBuffer()

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) {
        self.inbound = inbound.makeAsyncIterator()
    }

    /// The next message, or nil when the guest has closed the connection.
    ///
    /// Parts of byte streams are given as they come: one frame may become several messages.
    ///
    /// - Throws: ``SmartVMError`` with `GUEST_PROTOCOL` if what the guest sent is not the protocol: it is not to be trusted.
    func next<Message: FrameMessage>(_ type: Message.Type = Message.self) async throws -> Message? {
        while true {
            do throws(GuestProtocolError) {
                if let message: Message = try take() { return message }
            } catch {
                throw SmartVMError(
                    .guestProtocol, "The guest sent what is not the agent's protocol: \(error).",
                    cure: "The guest's agent is of another version, or the guest is hostile: do not use what it sent.",
                    underlying: error)
            }
            guard let more = try await nextBytes() else { return nil }
            input.discardReadBytes()
            if input.readableBytes == 0 { input = more } else { input.writeImmutableBuffer(more) }
        }
    }

    private func nextBytes() async throws -> ByteBuffer? {
        do {
            return try await inbound.next(isolation: #isolation)
        } catch let error as IOError {
            throw SmartVMError(.guestUnreachable, "The connection to the guest broke: \(error).", underlying: error)
        }
    }

    private func take<Message: FrameMessage>() throws(GuestProtocolError) -> Message? {
        var used = 0
        let result: Result<Message?, GuestProtocolError> = input.withUnsafeReadableBytes { view in
            do throws(GuestProtocolError) {
                var rest = view
                defer { used = view.count - rest.count }
                guard let piece = try decoder.next(&rest) else { return .success(nil) }
                return .success(try Message(piece))
            } catch {
                return .failure(error)
            }
        }
        input.moveReaderIndex(forwardBy: used)
        return try result.get()
    }

    /// One line, without its end: what a VMM answers before the bytes are the guest's. nil if the connection closes instead.
    func line(limit: Int = 64) async throws -> String? {
        while true {
            if let end = input.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                let length = end - input.readerIndex
                let line = input.readString(length: length)
                input.moveReaderIndex(forwardBy: 1)
                return line
            }
            guard input.readableBytes < limit, let more = try await nextBytes() else { return nil }
            input.writeImmutableBuffer(more)
        }
    }
}

/// The other direction: messages written one after another, waiting while the guest does not take them.
struct FrameWriter: Sendable {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    init(_ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
        self.outbound = outbound
    }

    /// - Throws: ``SmartVMError`` with `GUEST_UNREACHABLE` if the connection is closed.
    func write(_ message: some FrameMessage) async throws {
        do {
            try await write(ByteBuffer(bytes: try message.encoded()))
        } catch let error as GuestProtocolError {
            throw SmartVMError(
                .invalidConfiguration, "This is too much for one message to the guest: \(error).", underlying: error)
        }
    }

    func writeText(_ text: String) async throws {
        try await write(ByteBuffer(string: text))
    }

    private func write(_ buffer: ByteBuffer) async throws {
        do {
            try await outbound.write(buffer)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw SmartVMError(.guestUnreachable, "The guest has closed the connection.", underlying: error)
        }
    }
}
