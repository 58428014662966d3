internal import FirecrackerClient
internal import Glibc
internal import Linux
internal import NIOCore
internal import NIOPosix

/// Connections between host and guest, which on the host are Unix sockets of the VMM.
///
/// Firecracker's convention: on the VMM's socket a client writes `CONNECT <port>` and reads `OK <n>`, after which the bytes are the
/// guest's; a guest that connects to port P of the host arrives at the socket of the same path with `_P` behind.
enum GuestSocket {
    /// Connects to `port` of the guest and gives both directions to `body`; the connection ends with it.
    static func withConnection<Result>(
        _ path: String, port: UInt32, _ body: (FrameReader, FrameWriter) async throws -> Result
    ) async throws -> Result {
        let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
        do {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.recvAllocator, value: readSizes)
                .connect(unixDomainSocketPath: path) { channel in wrap(channel) }
        } catch {
            throw SmartVMError(
                .guestUnreachable, "The guest cannot be reached: no VMM listens at \(path).", underlying: error)
        }
        return try await channel.executeThenClose { inbound, outbound in
            let reader = FrameReader(inbound)
            let writer = FrameWriter(outbound)
            try await writer.writeText("CONNECT \(port)\n")
            guard let answer = try await reader.line(), answer.hasPrefix("OK ") else {
                throw SmartVMError(
                    .guestUnreachable, "Nothing in the guest listens on vsock port \(port).",
                    cure: "The agent may have ended; start the VM again.")
            }
            return try await body(reader, writer)
        }
    }

    /// Takes the connections that the guest makes to a port of the host, from the socket where they arrive.
    static func server(
        _ listener: consuming Descriptor
    ) async throws -> NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never> {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(listener.take()) { channel in wrap(channel) }
    }

    /// Output that a guest writes without pause is read in few large pieces, a single message in a small one.
    private static let readSizes = AdaptiveRecvByteBufferAllocator(
        minimum: 4 << 10, initial: 16 << 10, maximum: 512 << 10)

    private static func wrap(_ channel: any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
        channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel(
                wrappingChannelSynchronously: channel,
                configuration: .init(
                    backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8), isOutboundHalfClosureEnabled: false)
            )
        }
    }
}
