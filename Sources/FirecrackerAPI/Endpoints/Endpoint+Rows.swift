// The kinds of rows.

extension Endpoint {
    /// Decodes a body with the fault that Firecracker answers.
    static func decoded<Body: WireValue>(_ body: [UInt8]?) throws(APIFault) -> Body {
        do throws(JSONFault) {
            return try JSONReader.read(body ?? []) { (reader) throws(JSONFault) in try Body.codec.decode(&reader) }
        } catch {
            throw .badBody(error)
        }
    }

    static func encoded<Body: WireValue>(_ body: Body) -> [UInt8] {
        var writer = JSONWriter(showsNulls: false)
        Body.codec.encode(body, &writer)
        return writer.bytes
    }

    /// A request without a body that is answered with one.
    static func get<Answer: WireValue>(
        _ path: String, _ availability: Availability, rest: Rest = .ignored, _ request: APIRequest,
        answer: @escaping @Sendable (Answer) -> APIAnswer
    ) -> Endpoint {
        Endpoint(
            .get, path, availability, body: .none, rest: rest,
            parse: { _, _ in request },
            render: { $0 == request ? Rendering() : nil },
            decodeAnswer: { (bytes) throws(JSONFault) in
                answer(
                    try JSONReader.read(bytes, skipsUnknownFields: true) { (reader) throws(JSONFault) in
                        try Answer.codec.decode(&reader)
                    })
            })
    }

    /// A request with a body.
    ///
    /// - Parameters:
    ///   - wrap: Makes the request of the body.
    ///   - unwrap: Takes the body of a request of this row.
    ///   - check: What is refused about a well-formed body before anything else is looked at.
    static func send<Body: WireValue>(
        _ method: HTTPMethod, _ path: String, _ availability: Availability, body: BodyRule = .required,
        rest: Rest = .ignored, _ wrap: @escaping @Sendable (Body) -> APIRequest,
        _ unwrap: @escaping @Sendable (APIRequest) -> Body?,
        check: @escaping @Sendable (Body) throws(APIFault) -> Void = { _ in },
        deprecation: @escaping @Sendable (Body) -> String? = { _ in nil }
    ) -> Endpoint {
        Endpoint(
            method, path, availability, body: body, rest: rest,
            deprecation: { unwrap($0).flatMap(deprecation) },
            parse: { (_, bytes) throws(APIFault) in
                // Where a body may be left out, an empty object says the same.
                let body: Body = try decoded(bytes ?? Array("{}".utf8))
                try check(body)
                return wrap(body)
            },
            render: { unwrap($0).map { Rendering(body: encoded($0)) } })
    }

    /// A request with a body that names a resource, as the path does.
    static func resource<Body: WireModel>(
        _ method: HTTPMethod, _ path: String, _ availability: Availability,
        id: any KeyPath<Body, String> & Sendable,
        _ wrap: @escaping @Sendable (Body) -> APIRequest, _ unwrap: @escaping @Sendable (APIRequest) -> Body?,
        mismatch: @escaping @Sendable (_ path: String, _ body: String) -> String = { _, _ in
            "The id from the path does not match the id from the body!"
        }
    ) -> Endpoint {
        Endpoint(
            method, path, availability, body: .required, rest: .identifier,
            parse: { (identifier, bytes) throws(APIFault) in
                let identifier = try checkedIdentifier(identifier)
                let body: Body = try decoded(bytes)
                // By bytes: Swift's own comparison holds canonically equivalent names for one name.
                guard body[keyPath: id].utf8.elementsEqual(identifier.utf8) else {
                    throw APIFault(mismatch(identifier, body[keyPath: id]))
                }
                return wrap(body)
            },
            render: { unwrap($0).map { Rendering(identifier: $0[keyPath: id], body: encoded($0)) } })
    }

    /// Unplugs a resource.
    static func delete(
        _ path: String, _ wrap: @escaping @Sendable (String) -> APIRequest,
        _ unwrap: @escaping @Sendable (APIRequest) -> String?
    ) -> Endpoint {
        Endpoint(
            .delete, path, .afterStart, body: .none, rest: .identifier,
            parse: { (identifier, _) throws(APIFault) in wrap(try checkedIdentifier(identifier)) },
            render: { unwrap($0).map { Rendering(identifier: $0) } })
    }
}

extension APIFault {
    static func badBody(_ fault: JSONFault) -> APIFault {
        APIFault("An error occurred when deserializing the json body of a request: \(fault).")
    }
}
