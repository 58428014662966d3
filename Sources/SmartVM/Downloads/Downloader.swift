internal import FirecrackerClient
internal import NIOCore

/// Fetches files over HTTP, so that what stands in its place afterwards is whole and is what was asked for.
///
/// Theory of operation. The body goes into a ``PartialFile`` and through SHA-256 as it comes. A connection that breaks, stays silent, or
/// a server that is busy is a ``PassingFailure``: after a while the rest is asked for, with `Range` and `If-Range`, so that a server whose
/// content has changed meanwhile sends all of the new one; one that knows no ranges does so too. An answer that will not change ends it
/// at once. At the end size and digest are compared with what was announced; only then, and written to the disk, the file is moved to its
/// place by rename(2). What does not match is removed; what is only not complete stays for the next time.
struct Downloader: Sendable {
    var retry = RetryPolicy()
    /// How long a server may be silent.
    var stallTimeout = Duration.seconds(30)
    /// How long a connection may take to be made.
    var connectTimeout = Duration.seconds(10)
    /// Says which proxy to use.
    var environment = HostEnvironment.current

    /// Told how many bytes are there, and of how many.
    typealias Progress = @Sendable (_ done: Int64, _ total: Int64?) throws -> Void

    /// A small text, into memory.
    ///
    /// - Parameter limit: Bytes that it may have at most.
    /// - Throws: `DOWNLOAD_FAILED`, `SIZE_MISMATCH`, `INVALID_URL`; `CancellationError`.
    func contents(of url: HTTPURL, limit: Int) async throws -> [UInt8] {
        try await retrying(url) {
            try await exchange(url).perform { answer in
                var bytes: [UInt8] = []
                try await answer.forEachPiece { piece in
                    bytes += piece.readableBytesView
                    guard bytes.count <= limit else { throw DownloadRequest.tooLarge("\(url)", Int64(limit)) }
                }
                if let length = answer.contentLength, length != bytes.count {
                    throw PassingFailure("the answer broke off")
                }
                return bytes
            }
        }
    }

    /// Where an address redirects to, without going there; nil if it is there itself.
    func redirect(of url: HTTPURL) async throws -> HTTPURL? {
        try await retrying(url) {
            try await exchange(url).perform(accepting: [200] + HTTPExchange.redirects) { answer in
                guard answer.status != 200 else { return nil }
                return try answer.header("Location").map { try url.following($0) }
            }
        }
    }

    /// Whether there is something at an address. Its content is not fetched.
    func isThere(_ url: HTTPURL) async throws -> Bool {
        var exchange = exchange(url)
        exchange.isHead = true
        let head = exchange
        return try await retrying(url) {
            try await head.perform(accepting: [200, 403, 404, 410]) { $0.status == 200 }
        }
    }

    /// A file.
    ///
    /// - Parameters:
    ///   - destination: Nothing, or a file that it takes the place of.
    ///   - partials: A directory on the same file system for what is not complete.
    ///   - progress: What it throws ends the download.
    /// - Throws: `DOWNLOAD_FAILED`, `SIZE_MISMATCH`, `CHECKSUM_MISMATCH`, `NO_SPACE`, `INVALID_URL`, and for a file on this machine
    ///   `INVALID_FILE`; `CancellationError`.
    func fetch(
        _ wanted: DownloadRequest, to destination: String, partials: String, progress: @escaping Progress
    ) async throws -> ReceivedFile {
        switch wanted.source {
        case .url(let url):
            try await Download(wanted: wanted, url: url, downloader: self)
                .run(to: destination, partials: partials, progress: progress)
        case .file(let path):
            try await LocalCopy(wanted: wanted, path: path).run(to: destination, progress: progress)
        }
    }

    /// A request for an address.
    func exchange(_ url: HTTPURL) -> HTTPExchange {
        HTTPExchange(
            url: url, connectTimeout: connectTimeout, stallTimeout: stallTimeout, environment: environment)
    }

    /// Makes attempts until one succeeds, or fails for good, or too many have failed.
    ///
    /// - Parameter progress: Grows when an attempt has brought something.
    func retrying<Result>(
        _ url: HTTPURL, progress: () -> Int64 = { 0 }, _ attempt: () async throws -> Result
    ) async throws -> Result {
        var failures = 0
        // What comes a second time is no progress.
        var most = progress()
        for _ in 0..<retry.attemptsInAll {
            do {
                return try await attempt()
            } catch let failure as PassingFailure {
                failures = progress() > most ? 1 : failures + 1
                most = max(most, progress())
                let asked = failure.delay ?? .zero
                guard failures < retry.attempts, asked <= retry.longestAskedDelay else {
                    throw Self.failed(url, failure)
                }
                try await Task.sleep(for: max(asked, retry.delay(afterFailures: failures)))
            }
        }
        throw Self.failed(url, PassingFailure("the connection broke \(retry.attemptsInAll) times"))
    }

    private static func failed(_ url: HTTPURL, _ failure: PassingFailure) -> SmartVMError {
        let wait = failure.delay.map { $0 > .zero ? ", and asks to wait \($0.components.seconds) seconds" : "" } ?? ""
        return SmartVMError(
            .downloadFailed, "\(url) cannot be fetched: \(failure.reason)\(wait).",
            cure: "Check the network, and the proxy in https_proxy if there is one; then try again.",
            underlying: failure)
    }
}
