internal import FirecrackerAPI

/// A guest's request to the metadata service.
struct MetadataRequest {
    var method: HTTPMethod
    /// Without scheme and host; empty if there is none.
    var path: String
    var version: HTTPRequest.Version
    var headers = HTTPHeaders()

    /// The shortest line that can be a request's first.
    private static let shortestLine = "GET / HTTP/1.1".utf8.count

    /// - Parameter bytes: From the first line to the empty one.
    init(_ bytes: [UInt8]) throws(HTTPFault) {
        var lines: [[UInt8]] = []
        var start = 0
        var index = 0
        while index + 1 < bytes.count {
            if bytes[index] == 0x0d, bytes[index + 1] == 0x0a {
                lines.append(Array(bytes[start..<index]))
                if index == start { break }
                start = index + 2
                index += 1
            }
            index += 1
        }
        // A line feed alone ends no line.
        guard let first = lines.first, lines.last?.isEmpty == true, first.count >= Self.shortestLine else {
            throw .invalidRequest
        }
        let (request, version) = try HTTPRequest.parse(first)
        method = request.method
        path = request.path
        self.version = version
        for line in lines.dropFirst().dropLast() { try headers.parse(line) }
        // Nobody waits for a body here.
        if headers.contentLength > 0 { throw .invalidRequest }
    }
}
