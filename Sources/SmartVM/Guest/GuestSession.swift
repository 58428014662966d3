internal import GuestProtocol
internal import Linux
internal import NIOCore
internal import Synchronization

/// The host's end of a guest's session: the connection that the agent opens when it is up, and opens anew when it breaks.
///
/// The agent says hello, is told what is particular to this VM (hostname, time, entropy, addresses), and says that it is done. The
/// session then stays open for the few things that the host has to say later. A new connection never takes the place of one that
/// stands, because any process in the guest can make one: where the guest's end was reset without the host's noticing, the host
/// closes its own (``disconnect()``).
final class GuestSession: Sendable {
    private struct State {
        /// How often the guest has taken its identity.
        var identities = 0
        var hello: Hello?
        var waiters: [AsyncStream<Hello>.Continuation] = []
        var writer: FrameWriter?
        var channel: (any Channel)?
    }

    private let configuration: @Sendable () -> Configuration
    private let state = Mutex(State())

    /// - Parameter configuration: What the guest is told; asked for each time that it says hello, because time goes on.
    init(configuration: @escaping @Sendable () -> Configuration) {
        self.configuration = configuration
    }

    /// Serves sessions, one at a time, until the task is cancelled.
    func run(_ listener: consuming Descriptor) async throws {
        try await GuestSocket.server(listener).executeThenClose { connections in
            for try await connection in connections {
                let channel = connection.channel
                state.withLock { $0.channel = channel }
                // A guest that breaks off or sends nonsense ends its session, and may begin another.
                try? await connection.executeThenClose { inbound, outbound in
                    try await converse(FrameReader(inbound), FrameWriter(outbound))
                }
                state.withLock { $0.channel = nil }
            }
        }
    }

    private func converse(_ reader: FrameReader, _ writer: FrameWriter) async throws {
        guard case .hello(let hello) = try await reader.next(SessionReport.self) else { return }
        try await writer.write(SessionCommand.configure(configuration()))
        guard case .configured = try await reader.next(SessionReport.self) else { return }
        let waiters = state.withLock { state in
            state.writer = writer
            state.identities += 1
            state.hello = hello
            defer { state.waiters = [] }
            return state.waiters
        }
        defer { state.withLock { $0.writer = nil } }
        for waiter in waiters { waiter.yield(hello) }
        while try await reader.next(SessionReport.self) != nil {}
    }

    /// How often the guest has said hello and taken the identity that it was given.
    var identitiesGiven: Int { state.withLock { $0.identities } }

    /// Waits until the guest has taken its identity more often than `count` times.
    ///
    /// - Throws: `CancellationError`.
    func identityTaken(after count: Int) async throws -> Hello {
        let (hellos, continuation) = AsyncStream.makeStream(of: Hello.self)
        state.withLock { state in
            if state.identities > count, let hello = state.hello {
                continuation.yield(hello)
            } else {
                state.waiters.append(continuation)
            }
        }
        for await hello in hellos { return hello }
        throw CancellationError()
    }

    /// Says something to the guest. False if there is no session now.
    func send(_ command: SessionCommand) async -> Bool {
        guard let writer = state.withLock({ $0.writer }) else { return false }
        return (try? await writer.write(command)) != nil
    }

    /// Closes the connection that stands, so that the guest's next one is taken.
    func disconnect() {
        state.withLock { $0.channel }?.close(promise: nil)
    }
}
