public import FirecrackerAPI
internal import Glibc
public import NIOCore
internal import NIOHTTP1
public import NIOPosix

/// Speaks Firecracker's API over a VMM's Unix socket.
///
/// Theory of operation. A VMM serves ten connections at most and answers all of them one after another, so there is one
/// per client: it is opened by the first request, kept alive, and opened again if the VMM has closed it in between.
/// Requests may be made at the same time; they travel and are answered in the order in which they were made. A request
/// whose answer can no longer be told from the next one's (it timed out, or its task was cancelled) takes the
/// connection with it. What a request looks like on the wire, and how its answer is read, is the table's business
/// (`Endpoint`).
public actor SocketClient {
    /// The longest path, in bytes, that a Unix socket can have.
    public static let maximumPathLength = 107

    /// The VMM's socket.
    public nonisolated let socketPath: String
    /// How long an answer may take where the request does not say.
    public nonisolated let timeout: Duration

    private let group: any EventLoopGroup
    private var connection: EventLoopFuture<any Channel>?
    private var isClosed = false

    /// Makes a client; nothing is opened yet.
    ///
    /// - Parameters:
    ///   - socketPath: At most 107 bytes.
    ///   - timeout: How long an answer may take.
    ///   - group: Where the I/O runs.
    public init(
        socketPath: String, timeout: Duration = .seconds(30),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.socketPath = socketPath
        self.timeout = timeout
        self.group = group
    }

    deinit {
        connection?.whenSuccess { $0.close(promise: nil) }
    }

    /// Makes one request.
    ///
    /// - Parameters:
    ///   - timeout: How long the answer may take; nil: the client's own limit.
    /// - Throws: ``SmartVMError`` with the code `API_ERROR` if the VMM refuses (then ``SmartVMError/fault`` is set),
    ///   `SOCKET_ERROR` if it cannot be reached or breaks off, `TIMEOUT`, `NO_CLIENT` after ``close()``;
    ///   `CancellationError`.
    @discardableResult
    public func send(_ request: APIRequest, timeout: Duration? = nil) async throws -> APIAnswer {
        let wire: Endpoint.WireRequest
        do {
            wire = try Endpoint.rendered(request)
        } catch {
            throw SmartVMError(.invalidConfiguration, "\(error.message)")
        }
        let name = "\(wire.endpoint.method.rawValue) \(wire.path)"
        try Task.checkCancellation()
        let channel = try await openConnection(for: name)
        let promise = channel.eventLoop.makePromise(of: Exchange.Response.self)
        let limit = timeout ?? self.timeout
        let exchange = Exchange(
            method: wire.endpoint.method, path: wire.path, body: wire.body, limit: TimeAmount(limit), promise: promise)
        channel.writeAndFlush(exchange).cascadeFailure(to: promise)
        let response: Exchange.Response
        do {
            response = try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(CancellationError())
                channel.close(promise: nil)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch Exchange.Failure.timedOut {
            throw SmartVMError(.timeout, "The VMM at \(socketPath) did not answer \(name) within \(limit)")
        } catch {
            throw SmartVMError(
                .socketError, "The VMM at \(socketPath) broke off before it answered \(name)", underlying: error)
        }
        return try answer(of: response, to: wire, name: name)
    }

    /// Closes the connection; requests that wait for an answer fail, and so do later ones.
    public func close() async {
        isClosed = true
        guard let connection else { return }
        self.connection = nil
        // Why closing fails does not matter: afterwards there is no connection.
        try? await connection.flatMap { $0.close() }.get()
    }

    private func openConnection(for name: String) async throws -> any Channel {
        guard socketPath.utf8.count <= Self.maximumPathLength else {
            throw SmartVMError(
                .socketError,
                "The socket path \(socketPath) has \(socketPath.utf8.count) bytes; a Unix socket can have "
                    + "\(Self.maximumPathLength)", cure: "Choose a shorter directory.")
        }
        if let present = connection {
            if let channel = try? await present.get(), channel.isActive { return channel }
            // Another request may have opened a new one while this one waited.
            if connection === present { connection = nil }
        }
        guard !isClosed else {
            throw SmartVMError(.noClient, "\(name) was asked of the client for \(socketPath), which is closed")
        }
        let opening = connection ?? connect()
        connection = opening
        do {
            return try await opening.get()
        } catch {
            throw SmartVMError(
                .socketError, "The VMM's socket \(socketPath) cannot be reached: \(Self.reason(error))",
                cure: "Check that the VMM runs and was started with this socket.", underlying: error)
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(ExchangeHandler())
                }
            }
            .connect(unixDomainSocketPath: socketPath)
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case ENOENT: return "it does not exist"
        case ECONNREFUSED: return "nothing listens on it"
        default: return String(cString: strerror(error.errnoCode))
        }
    }

    private func answer(
        of response: Exchange.Response, to wire: Endpoint.WireRequest, name: String
    ) throws(SmartVMError) -> APIAnswer {
        guard (200..<300).contains(response.status) else {
            let message = FaultBody.message(of: response.body)
            throw SmartVMError(
                .apiError, "\(name) was refused (\(response.status)): \(message)",
                fault: SmartVMError.Fault(endpoint: name, status: response.status, message: message))
        }
        do throws(JSONFault) {
            return try wire.answer(status: response.status, body: response.body)
        } catch {
            throw SmartVMError(
                .apiError, "The VMM's answer to \(name) cannot be understood: \(error)",
                fault: SmartVMError.Fault(
                    endpoint: name, status: response.status, message: String(decoding: response.body, as: UTF8.self)),
                underlying: error)
        }
    }
}
