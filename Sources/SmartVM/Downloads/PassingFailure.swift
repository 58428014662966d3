internal import AsyncHTTPClient
internal import NIOHTTP1

/// Why an attempt to fetch something failed that may succeed when it is made again.
struct PassingFailure: Error {
    /// Ends a sentence: `the server answered 503 Service Unavailable`.
    var reason: String
    /// What the server asks to wait.
    var delay: Duration?

    init(_ reason: String, delay: Duration? = nil) {
        self.reason = reason
        self.delay = delay
    }

    /// What the HTTP client throws: a connection that was refused, reset or silent.
    init(_ error: any Error, stallTimeout: Duration) {
        reason =
            switch error as? HTTPClientError {
            case .readTimeout: "the server was silent for \(stallTimeout.components.seconds) seconds"
            case .connectTimeout: "the server could not be reached in time"
            case .remoteConnectionClosed: "the server closed the connection"
            case .tlsHandshakeTimeout: "the server did not answer in TLS"
            case let error?: "\(error)"
            case nil: "\(error)"
            }
    }

    /// An answer with a status that says: not now. Nil for those that say: no.
    init?(_ status: HTTPResponseStatus, retryAfter: String?) {
        switch status.code {
        case 408, 429, 500, 502, 503, 504: break
        default: return nil
        }
        reason = "the server answered \(status.code) \(status.reasonPhrase)"
        // A date instead of seconds, as RFC 9110 allows too, is rare: the usual wait does for it.
        delay = retryAfter.flatMap { Int($0) }.flatMap { $0 >= 0 ? .seconds($0) : nil }
    }
}
