// For servers: from a method, a path and a body to a request, with Firecracker's own leniency and its faults.

extension Endpoint {
    /// A request that a server has read.
    package struct ParsedRequest: Sendable {
        /// The row of the table.
        package let endpoint: Endpoint
        /// What is asked.
        package let request: APIRequest
        /// The warning that its use deserves, and the answer's `Deprecation` header; nil if none.
        package let deprecation: String?
    }

    /// Reads a request.
    ///
    /// Firecracker cuts the path at its slashes, drops leading ones, and looks no further than it needs to:
    /// `//machine-config/x` is `/machine-config`. A query counts as part of the path.
    ///
    /// - Parameter body: Nil or empty if there is none.
    package static func parse(
        _ method: HTTPMethod, _ path: String, body: [UInt8]?
    ) throws(APIFault) -> ParsedRequest {
        let components = split(path)
        let body = body?.isEmpty == true ? nil : body
        switch (method, body) {
        case (.get, _?): throw APIFault("GET request cannot have a body.")
        case (.put, nil): throw APIFault("Empty PUT request.")
        case (.delete, _?): throw APIFault("Empty Delete request.")
        default: break
        }
        let endpoint = try route(method, components, hasBody: body != nil)
        let identifier = components.count > endpoint.components.count ? components[endpoint.components.count] : ""
        let request = try endpoint.parse(identifier, body)
        let deprecation = endpoint.deprecation(request).map { "\(endpoint): \($0)" }
        return ParsedRequest(endpoint: endpoint, request: request, deprecation: deprecation)
    }

    private static func split(_ path: String) -> [String] {
        let bytes = path.utf8.drop { $0 == UInt8(ascii: "/") }
        var components = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        if components.count > 1, components.last?.isEmpty == true { components.removeLast() }
        return components
    }

    private static func route(
        _ method: HTTPMethod, _ components: [String], hasBody: Bool
    ) throws(APIFault) -> Endpoint {
        let endpoint =
            table
            .filter { $0.method == method && $0.matches(components) }
            .max { $0.components.count < $1.components.count }
        let group =
            StrictGroup.all
            .filter { $0.method == method && components.starts(with: $0.prefix) }
            .max { $0.prefix.count < $1.prefix.count }
        if let group, group.prefix.count > endpoint?.components.count ?? 0 {
            throw APIFault(group.fault(components))
        }
        if method == .patch, !hasBody, endpoint?.bodyRule != .optional { throw APIFault("Empty PATCH request.") }
        guard let endpoint else { throw .unknownPath("\(method.rawValue) \(components[0])") }
        return endpoint
    }

    private func matches(_ other: [String]) -> Bool {
        other.starts(with: components) && (rest != .none || other.count == components.count)
    }

    /// Paths below which Firecracker does look at what follows, and has a fault of its own for what it does not know.
    private struct StrictGroup {
        let method: HTTPMethod
        let prefix: [String]
        let fault: @Sendable ([String]) -> String

        static let all: [StrictGroup] = [
            unrecognized(.get, ["balloon"]),
            unrecognized(.get, ["balloon", "hinting"]),
            unrecognized(.patch, ["balloon", "hinting"]),
            unrecognized(.put, ["mmds"]),
            StrictGroup(method: .put, prefix: ["snapshot"]) { components in
                components.count < 2
                    ? "Missing snapshot operation type."
                    : APIFault.unknownPath("PUT /snapshot/\(components[1])").message
            },
        ]

        private static func unrecognized(_ method: HTTPMethod, _ prefix: [String]) -> StrictGroup {
            StrictGroup(method: method, prefix: prefix) { components in
                let rest = components.count > prefix.count ? components[prefix.count] : ""
                let shown = prefix.count == 1 ? rest : "/" + (prefix.dropFirst() + [rest]).joined(separator: "/")
                return "Unrecognized \(method.rawValue) request path `\(shown)`."
            }
        }
    }
}

extension APIFault {
    fileprivate static func unknownPath(_ methodAndPath: String) -> APIFault {
        APIFault("Invalid request method and/or path: \(methodAndPath).")
    }
}
