/// What is to be fetched, and all that is known of it before.
struct DownloadRequest: Hashable, Sendable {
    /// Where it is.
    enum Source: Hashable, Sendable, CustomStringConvertible {
        case url(HTTPURL)
        /// A path on this machine.
        case file(String)

        var description: String {
            switch self {
            case .url(let url): url.text
            case .file(let path): path
            }
        }
    }

    var source: Source
    /// Begins a sentence: `The kernel`.
    var name: String
    /// Bytes, if somebody has said it.
    var size: Int64?
    /// In hexadecimal of lower case, if somebody has said it.
    var sha256: String?
    /// Bytes that it may have at most.
    var limit: Int64
}

extension DownloadRequest: CustomStringConvertible {
    var description: String { "\(name) at \(source)" }
}

/// What was fetched or copied.
struct ReceivedFile: Hashable, Sendable {
    var size: Int64
    var sha256: String
}
