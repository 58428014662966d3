/// One row of the table that is the API: a method and a path, what goes in, what comes out, and when it is allowed.
///
/// Theory of operation. ``Endpoint/table`` is the one place that knows the API. A client asks it for the row of a
/// request (``rendered(_:)``) and sends what the row renders; a server asks it for the row of a method and a path
/// (``parse(_:_:body:)``) and gets the request back, or the fault that Firecracker answers. What a row does in one
/// direction it does in the other, so that the two cannot drift apart.
package struct Endpoint: Sendable {
    /// When a request is allowed at all; whether it succeeds is another question.
    package enum Availability: Sendable {
        /// Before and after the start.
        case always
        /// Only before.
        case beforeStart
        /// Only after.
        case afterStart
        /// Before the start it configures; afterwards it plugs in, where PCI is enabled.
        case configureOrPlug

        /// Why not, or nil.
        package func refusal(isStarted: Bool) -> APIFault? {
            switch self {
            case .beforeStart where isStarted: .notAfterStart
            case .afterStart where !isStarted: .notBeforeStart
            default: nil
            }
        }
    }

    enum BodyRule: Sendable {
        case none
        case required
        case optional
    }

    /// What follows the fixed components of a path.
    enum Rest: Sendable {
        /// Anything: Firecracker does not look.
        case ignored
        /// Nothing.
        case none
        /// The id of a resource, then anything.
        case identifier
    }

    /// The HTTP method.
    package let method: HTTPMethod
    /// As the documentation writes it, for example `/drives/{drive_id}`.
    package let path: String
    /// When it can be asked.
    package let availability: Availability
    let bodyRule: BodyRule
    /// The fixed components of the path.
    let components: [String]
    let rest: Rest
    /// Makes the request from the id (empty if the path has none) and the body.
    let parse: @Sendable (String, [UInt8]?) throws(APIFault) -> APIRequest
    /// The id and the body of a request of this row; nil for one of another.
    let render: @Sendable (APIRequest) -> Rendering?
    let decodeAnswer: @Sendable ([UInt8]) throws(JSONFault) -> APIAnswer
    /// Why the use of a request is deprecated, without method and path; nil if it is not.
    let deprecation: @Sendable (APIRequest) -> String?

    struct Rendering {
        var identifier = ""
        var body: [UInt8]?
    }

    init(
        _ method: HTTPMethod, _ path: String, _ availability: Availability, body: BodyRule, rest: Rest = .ignored,
        deprecation: @escaping @Sendable (APIRequest) -> String? = { _ in nil },
        parse: @escaping @Sendable (String, [UInt8]?) throws(APIFault) -> APIRequest,
        render: @escaping @Sendable (APIRequest) -> Rendering?,
        decodeAnswer: @escaping @Sendable ([UInt8]) throws(JSONFault) -> APIAnswer = { _ in .done }
    ) {
        self.method = method
        self.path = path
        self.availability = availability
        bodyRule = body
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        components = rest == .identifier ? Array(parts.dropLast()) : parts
        self.rest = rest
        self.deprecation = deprecation
        self.parse = parse
        self.render = render
        self.decodeAnswer = decodeAnswer
    }
}

extension Endpoint: CustomStringConvertible {
    package var description: String { "\(method.rawValue) \(path)" }
}

// MARK: For clients

extension Endpoint {
    /// A request as it goes over the wire.
    package struct WireRequest: Sendable {
        /// The row of the table.
        package let endpoint: Endpoint
        /// The path with the id filled in.
        package let path: String
        /// Nil: no body.
        package let body: [UInt8]?

        /// Reads the body of an answer of status 200 or 204.
        package func answer(status: Int, body: [UInt8]) throws(JSONFault) -> APIAnswer {
            status == 204 ? .done : try endpoint.decodeAnswer(body)
        }
    }

    /// What to send for a request.
    ///
    /// - Throws: The fault that every server answers if the request names a resource by an id that cannot be one.
    package static func rendered(_ request: APIRequest) throws(APIFault) -> WireRequest {
        for endpoint in table {
            guard let rendering = endpoint.render(request) else { continue }
            guard endpoint.rest == .identifier else {
                return WireRequest(endpoint: endpoint, path: endpoint.path, body: rendering.body)
            }
            let path = (endpoint.components + [try checkedIdentifier(rendering.identifier)]).map { "/" + $0 }.joined()
            return WireRequest(endpoint: endpoint, path: path, body: rendering.body)
        }
        // Every case of APIRequest has a row: a test asks for each of them.
        throw APIFault("The table of endpoints has no row for \(request)")
    }

    /// Whether a resource can have this id: letters and digits of any script, and underscores.
    public static func isIdentifier(_ text: String) -> Bool {
        (try? checkedIdentifier(text)) != nil
    }

    /// The id, if it can be one.
    static func checkedIdentifier(_ identifier: String) throws(APIFault) -> String {
        if identifier.isEmpty { throw APIFault("The ID cannot be empty.") }
        let isValid = identifier.unicodeScalars.allSatisfy {
            $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType != nil
        }
        guard isValid else {
            throw APIFault("API Resource IDs can only contain alphanumeric characters and underscores.")
        }
        return identifier
    }
}
