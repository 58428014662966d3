internal import FirecrackerClient

/// A public S3 bucket, or what answers like one.
struct ArtifactBucket: Sendable {
    let url: HTTPURL
    let downloader: Downloader

    /// Bytes of one page: a thousand keys of a kilobyte, and as much around them.
    private static let pageLimit = 4 << 20
    private static let pagesLimit = 100

    /// All that begins with a prefix.
    ///
    /// - Parameter delimiter: Keys that have it after the prefix are put together in ``BucketListing/commonPrefixes``.
    /// - Throws: `BASE_IMAGE_RESOLVE_FAILED` for an answer that is no listing; `DOWNLOAD_FAILED`.
    func list(prefix: String, delimiter: String? = nil) async throws -> BucketListing {
        var all = BucketListing()
        var token: String?
        for _ in 0..<Self.pagesLimit {
            var query: [(String, String)] = [("list-type", "2"), ("prefix", prefix)]
            if let delimiter { query.append(("delimiter", delimiter)) }
            if let token { query.append(("continuation-token", token)) }
            let page: BucketListing
            do {
                let text = try await downloader.contents(of: url.appending(query: query), limit: Self.pageLimit)
                page = try BucketListing(xml: text)
            } catch let error as BucketListing.Invalid {
                throw SmartVMError(
                    .baseImageResolveFailed, "The bucket \(url) does not answer with a listing: \(error).",
                    cure: "Check that the URL is that of an S3 bucket.", underlying: error)
            }
            all.objects += page.objects.filter { $0.key.hasPrefix(prefix) }
            all.commonPrefixes += page.commonPrefixes.filter { $0.hasPrefix(prefix) }
            guard let next = page.continuationToken else { return all }
            guard next != token else { break }
            token = next
        }
        throw SmartVMError(
            .baseImageResolveFailed, "The bucket \(url) lists \(prefix)* without end.",
            cure: "Check that the URL is that of an S3 bucket.")
    }

    /// Where an object is.
    func url(ofKey key: String) throws(SmartVMError) -> HTTPURL {
        try url.appending(path: key)
    }
}
