internal import FirecrackerAPI

/// A request as HTTP carries it.
struct HTTPRequest: Hashable {
    var method: HTTPMethod
    /// The path with its query, without scheme and host; empty counts as `/`.
    var path: String
    /// Nil if there is none; never empty.
    var body: [UInt8]?

    /// The version of HTTP that a request's first line ends with.
    enum Version: String {
        case http10 = "HTTP/1.0"
        case http11 = "HTTP/1.1"
    }

    init(method: HTTPMethod, path: String, body: [UInt8]?) {
        self.method = method
        self.path = path
        self.body = body
    }

    /// - Parameter line: A request's first line without its end.
    static func parse(_ line: [UInt8]) throws(HTTPFault) -> (request: HTTPRequest, version: Version) {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .invalidRequest }
        guard let method = HTTPMethod(rawValue: String(decoding: parts[0], as: UTF8.self)) else {
            throw HTTPFault(message: "Invalid HTTP Method: Unsupported HTTP method.")
        }
        if parts[1].isEmpty { throw HTTPFault(message: "Invalid URI: Empty URI not allowed.") }
        guard let target = String(validating: parts[1], as: UTF8.self) else {
            throw HTTPFault(message: "Invalid URI: Cannot parse URI as UTF-8.")
        }
        guard let version = Version(rawValue: String(decoding: parts[2], as: UTF8.self)) else {
            throw HTTPFault(message: "Invalid HTTP Version: Unsupported HTTP version.")
        }
        return (HTTPRequest(method: method, path: path(of: target), body: nil), version)
    }

    private static func path(of target: String) -> String {
        let scheme = "http://"
        let bytes = target.utf8.starts(with: scheme.utf8) ? target.utf8.dropFirst(scheme.utf8.count) : target.utf8[...]
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else { return "" }
        if bytes.count == target.utf8.count, slash != target.utf8.startIndex { return "" }
        return String(Substring(bytes[slash...]))
    }
}
