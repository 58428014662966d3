internal import FirecrackerAPI

/// The metadata service as HTTP: a guest's request in, the answer out.
///
/// Theory of operation. The data are a JSON document (``MetadataStore``), and a request's path is a pointer into it (RFC 6901). The answer
/// is the value as JSON, or in the form of EC2's service: the names of an object's members, one in each line, or a text itself. Under
/// version 2 the guest must first get a token (``TokenAuthority``); under version 1 it may. The service does no I/O and has no clock.
struct MetadataService {
    var store: MetadataStore
    private var tokens: TokenAuthority
    private(set) var counters = MetadataCounters()

    private static let tokenPath = "/latest/api/token"
    private static let tokenHeaders = ["X-metadata-token", "X-aws-ec2-metadata-token"]
    private static let lifetimeHeaders = ["X-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token-ttl-seconds"]
    private static let forwardingHeader = "X-Forwarded-For"

    init(store: MetadataStore, tokens: TokenAuthority = TokenAuthority()) {
        self.store = store
        self.tokens = tokens
    }

    /// Answers a request, which must be whole but for a body.
    ///
    /// - Parameter now: Nanoseconds of a clock that never goes back.
    mutating func answer(_ bytes: [UInt8], now: UInt64) -> HTTPResponse {
        let request: MetadataRequest
        do throws(HTTPFault) {
            request = try MetadataRequest(bytes)
        } catch {
            let isUnknown =
                error.message.hasPrefix("Invalid HTTP Method") || error.message.hasPrefix("Invalid HTTP Version")
            return HTTPResponse(status: isUnknown ? 501 : 400, body: Array(error.detail.utf8))
        }
        var response = reply(to: request, now: now)
        response.version = request.version.rawValue
        return response
    }

    /// What has been counted since the last call.
    mutating func takeCounters() -> MetadataCounters {
        defer { counters = MetadataCounters() }
        return counters
    }

    private mutating func reply(to request: MetadataRequest, now: UInt64) -> HTTPResponse {
        if request.path.isEmpty { return Self.text(400, "Invalid URI.") }
        switch request.method {
        case .get: return get(request, now: now)
        case .put: return issueToken(request, now: now)
        case .patch, .delete:
            var response = Self.text(405, "Not allowed HTTP method.")
            response.allowedMethods = [.get, .put]
            return response
        }
    }

    private static func text(_ status: Int, _ text: String) -> HTTPResponse {
        var response = HTTPResponse(status: status, body: Array(text.utf8))
        response.contentType = "text/plain"
        return response
    }

    private mutating func get(_ request: MetadataRequest, now: UInt64) -> HTTPResponse {
        let token = Self.tokenHeaders.lazy.compactMap { request.headers.custom($0) }.first
        let isValid = token.map { tokens.accepts($0, now: now) }
        switch isValid {
        case true?: break
        case false?: counters.invalidTokens += 1
        case nil: counters.missingTokens += 1
        }
        if store.version == .v2 {
            switch isValid {
            case true?: break
            case false?: return Self.text(401, "MMDS token not valid.")
            case nil:
                return Self.text(
                    401,
                    "No MMDS token provided. Use `X-metadata-token` or `X-aws-ec2-metadata-token` header to specify the "
                        + "session token.")
            }
        }
        guard let value = (store.data ?? .null).value(at: Self.pointer(request.path)) else {
            return Self.notFound(request.path)
        }
        if request.headers.acceptsJSON, !store.isIMDSCompatible {
            return HTTPResponse(status: 200, body: value.encoded)
        }
        guard let text = Self.listing(value) else {
            return Self.text(501, "Cannot retrieve value. The value has an unsupported type.")
        }
        return Self.text(200, text)
    }

    private static func notFound(_ path: String) -> HTTPResponse { text(404, "Resource not found: \(path).") }

    /// The path with every run of slashes made one.
    private static func pointer(_ path: String) -> String {
        var bytes: [UInt8] = []
        for byte in path.utf8 where byte != UInt8(ascii: "/") || bytes.last != byte { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The form of EC2's service; nil if a value has none.
    private static func listing(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): return text
        case .object(let object):
            return object.members.map { member in
                if case .object = member.value { member.name + "/" } else { member.name }
            }.joined(separator: "\n")
        default: return nil
        }
    }

    private mutating func issueToken(_ request: MetadataRequest, now: UInt64) -> HTTPResponse {
        // Whoever forwards requests for others is not to get a token for them.
        if request.headers.custom(Self.forwardingHeader) != nil {
            return Self.text(400, "Invalid header. Reason: Unsupported header name. Key: \(Self.forwardingHeader)")
        }
        guard Self.pointer(request.path) == Self.tokenPath else { return Self.notFound(request.path) }
        let given = Self.lifetimeHeaders.lazy.compactMap { name in
            request.headers.custom(name).map { (name: name, value: $0) }
        }.first
        guard let given else {
            return Self.text(
                400,
                "Token time to live value not found. Use `X-metadata-token-ttl-seconds` or "
                    + "`X-aws-ec2-metadata-token-ttl-seconds` header to specify the token's lifetime.")
        }
        guard let lifetime = UInt32(given.value) else {
            return Self.text(
                400, "Invalid header. Reason: Invalid value. Key:\(given.name); Value:\(given.value)")
        }
        guard TokenAuthority.lifetimes.contains(lifetime) else {
            return Self.text(
                400,
                "Invalid time to live value provided for token: \(lifetime). Please provide a value between "
                    + "\(TokenAuthority.lifetimes.lowerBound) and \(TokenAuthority.lifetimes.upperBound).")
        }
        var response = Self.text(200, tokens.issue(lifetime: lifetime, now: now))
        response.custom = (given.name, given.value)
        return response
    }
}

extension JSONValue {
    /// What a pointer (RFC 6901) leads to; one slash at its end counts for nothing.
    fileprivate func value(at pointer: String) -> JSONValue? {
        var path = pointer.utf8[...]
        if path.last == UInt8(ascii: "/") { path.removeLast() }
        if path.isEmpty { return self }
        guard path.first == UInt8(ascii: "/") else { return nil }
        var value = self
        for token in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            switch value {
            case .object(let object):
                guard let member = object[Self.unescaped(token)] else { return nil }
                value = member
            case .array(let elements):
                guard token.first != UInt8(ascii: "+"), token.count == 1 || token.first != UInt8(ascii: "0"),
                    let index = Int(String(Substring(token))), elements.indices.contains(index)
                else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }

    /// A name in a pointer: `~1` stands for a slash and `~0` for a tilde.
    private static func unescaped(_ token: Substring.UTF8View) -> String {
        var name: [UInt8] = []
        var bytes = token.makeIterator()
        var next = bytes.next()
        while let byte = next {
            next = bytes.next()
            if byte == UInt8(ascii: "~"), next == UInt8(ascii: "0") || next == UInt8(ascii: "1") {
                name.append(next == UInt8(ascii: "1") ? UInt8(ascii: "/") : byte)
                next = bytes.next()
            } else {
                name.append(byte)
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
