internal import AsyncHTTPClient
internal import FirecrackerClient
internal import NIOCore
internal import NIOHTTP1

/// One request and its answer, with the redirects between them.
struct HTTPExchange: Sendable {
    var url: HTTPURL
    /// Asks for the head of the answer alone.
    var isHead = false
    var headers: [(name: String, value: String)] = []
    /// How long a connection may take to be made.
    var connectTimeout: Duration
    /// How long a server may be silent.
    var stallTimeout: Duration
    var environment: HostEnvironment

    private static let redirectLimit = 5
    static let redirects = [301, 302, 303, 307, 308]

    /// What came back, for as long as its body is read.
    struct Answer {
        var response: HTTPClientResponse
        /// Where it came from in the end.
        var url: HTTPURL
        var stallTimeout: Duration

        var status: Int { Int(response.status.code) }
        func header(_ name: String) -> String? { response.headers.first(name: name) }
        var contentLength: Int64? { header("Content-Length").flatMap { Int64($0) } }

        /// Gives the body in pieces. An error of the connection is thrown as ``PassingFailure``, one of `body` as it is.
        func forEachPiece(_ body: (ByteBuffer) async throws -> Void) async throws {
            var pieces = response.body.makeAsyncIterator()
            while true {
                let piece: ByteBuffer?
                do {
                    piece = try await pieces.next()
                } catch {
                    try Task.checkCancellation()
                    throw PassingFailure(error, stallTimeout: stallTimeout)
                }
                guard let piece else { return }
                try await body(piece)
            }
        }
    }

    /// Makes the request, follows redirects, and gives the answer to `body`.
    ///
    /// - Parameter accepted: Statuses that are no failure.
    /// - Throws: ``PassingFailure``; `DOWNLOAD_FAILED` for an answer that will not change, `INVALID_URL`; what `body` throws.
    func perform<Result>(
        accepting accepted: [Int] = [200], _ body: (Answer) async throws -> Result
    ) async throws -> Result {
        var target = url
        for _ in 0...Self.redirectLimit {
            let step: Step<Result> = try await once(target) { answer in
                let status = answer.response.status
                if accepted.contains(answer.status) { return .done(try await body(answer)) }
                if Self.redirects.contains(answer.status), let location = answer.header("Location") {
                    return .redirect(try answer.url.following(location))
                }
                if let passing = PassingFailure(status, retryAfter: answer.header("Retry-After")) { throw passing }
                throw SmartVMError(
                    .downloadFailed,
                    "\(url) cannot be fetched: the server answered \(status.code) \(status.reasonPhrase)."
                )
            }
            switch step {
            case .done(let result): return result
            case .redirect(let next): target = next
            }
        }
        throw SmartVMError(
            .downloadFailed, "\(url) cannot be fetched: it redirects more than \(Self.redirectLimit) times.")
    }

    private enum Step<Result> {
        case done(Result)
        case redirect(HTTPURL)
    }

    /// A client of its own for each request: what is fetched is large and comes from few places, so that a pool would save little, and
    /// nothing is left running however this ends.
    private func once<Result>(_ target: HTTPURL, _ body: (Answer) async throws -> Result) async throws -> Result {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .init(connectTimeout), read: .init(stallTimeout)))
        configuration.httpVersion = .http1Only
        // Retries are made here, where what has come already is known.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.proxy = HTTPProxy(for: target, environment: environment).map {
            .server(host: $0.host, port: $0.port)
        }
        var message = HTTPClientRequest(url: target.text)
        message.method = isHead ? .HEAD : .GET
        message.headers.add(name: "User-Agent", value: "smartvm/\(SmartVMVersion.current)")
        for (name, value) in headers { message.headers.add(name: name, value: value) }

        let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        let outcome: Swift.Result<Result, any Error>
        do {
            let response: HTTPClientResponse
            do {
                response = try await client.execute(message, deadline: .distantFuture)
            } catch {
                try Task.checkCancellation()
                throw PassingFailure(error, stallTimeout: stallTimeout)
            }
            outcome = .success(
                try await body(Answer(response: response, url: target, stallTimeout: stallTimeout)))
        } catch {
            outcome = .failure(error)
        }
        // Ends what still runs of the request too. It fails only for a client that was shut down before.
        try? await client.shutdown()
        return try outcome.get()
    }
}
