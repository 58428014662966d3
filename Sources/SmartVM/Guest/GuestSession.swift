internal import GuestProtocol
internal import Linux
internal import NIOCore
internal import Synchronization

/// The host's end of a guest's session: the connection that the agent opens when it is up, and opens anew when it breaks.
///
/// The agent says hello, is told what is particular to this VM (hostname, time, entropy, addresses), and says that it is done. The
/// session then stays open for the few things that the host has to say later.
final class GuestSession: Sendable {
    enum Event: Sendable {
        /// The guest has its identity and takes commands.
        case ready(Hello, problems: [String])
        case ended
    }

    /// What became of sessions, in order.
    let events: AsyncStream<Event>

    private let continuation: AsyncStream<Event>.Continuation
    private let configuration: @Sendable () -> Configuration
    private let writer = Mutex<FrameWriter?>(nil)

    /// - Parameter configuration: What the guest is told; asked for each time that it says hello, because time goes on.
    init(configuration: @escaping @Sendable () -> Configuration) {
        self.configuration = configuration
        (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(16))
    }

    /// Serves sessions, one at a time, until the task is cancelled.
    func run(_ listener: consuming Descriptor) async throws {
        defer { continuation.finish() }
        try await GuestSocket.server(listener).executeThenClose { connections in
            for try await connection in connections {
                // A guest that breaks off or sends nonsense ends its session, and may begin another.
                try? await connection.executeThenClose { inbound, outbound in
                    try await converse(FrameReader(inbound), FrameWriter(outbound))
                }
            }
        }
    }

    private func converse(_ reader: FrameReader, _ writer: FrameWriter) async throws {
        guard case .hello(let hello) = try await reader.next(SessionReport.self) else { return }
        try await writer.write(SessionCommand.configure(configuration()))
        guard case .configured(let problems) = try await reader.next(SessionReport.self) else { return }
        self.writer.withLock { $0 = writer }
        defer { self.writer.withLock { $0 = nil } }
        continuation.yield(.ready(hello, problems: problems))
        while let report = try await reader.next(SessionReport.self) {
            if case .ended = report { continuation.yield(.ended) }
        }
    }

    /// Says something to the guest. False if there is no session now.
    func send(_ command: SessionCommand) async -> Bool {
        guard let writer = writer.withLock({ $0 }) else { return false }
        return (try? await writer.write(command)) != nil
    }
}
