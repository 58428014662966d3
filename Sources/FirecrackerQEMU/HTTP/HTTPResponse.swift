internal import FirecrackerAPI

/// An answer as HTTP carries it.
struct HTTPResponse {
    var status: Int
    var isDeprecated = false
    /// As the status line has it.
    var version = "HTTP/1.1"
    var contentType = "application/json"
    /// What a method that is refused might have been.
    var allowedMethods: [HTTPMethod] = []
    /// A header that means nothing to HTTP itself.
    var custom: (name: String, value: String)?
    /// Nil: no body, and no length either.
    var body: [UInt8]?

    static let `continue` = HTTPResponse(status: 100)

    init(status: Int, isDeprecated: Bool = false, body: [UInt8]? = nil) {
        self.status = status
        self.isDeprecated = isDeprecated
        self.body = body
    }

    init(_ fault: HTTPFault) {
        self.init(status: 400, body: fault.encoded)
    }

    /// The words that Firecracker logs for the status.
    var statusText: String {
        switch status {
        case 200: "200 OK"
        case 204: "204 No Content"
        case 413: "413 Payload Too Large"
        default: "400 Bad Request"
        }
    }

    var encoded: [UInt8] {
        var head = "\(version) \(status) \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n"
        if !allowedMethods.isEmpty { head += "Allow: \(allowedMethods.map(\.rawValue).joined(separator: ", "))\r\n" }
        if isDeprecated { head += "Deprecation: true\r\n" }
        if let body { head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n" }
        if let custom { head += "\(custom.name): \(custom.value)\r\n" }
        return Array(head.utf8) + Array("\r\n".utf8) + (body ?? [])
    }

    /// What the eleventh connection is sent before it is closed.
    static let tooManyConnections = Array(
        ("HTTP/1.1 503 \r\nServer: Firecracker API\r\nConnection: close\r\nContent-Length: 40\r\n\r\n"
            + "{ \"error\": \"Too many open connections\" }").utf8)
}
