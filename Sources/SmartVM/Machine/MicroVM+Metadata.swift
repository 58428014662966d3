public import FirecrackerAPI
internal import FirecrackerClient
internal import FoundationEssentials

// The metadata service. Possible in the states `running` and `paused`; all throw `INVALID_STATE` in others, and as
// ``SocketClient/send(_:timeout:)`` does.
extension MicroVM {
    /// All metadata that the guest can read.
    ///
    /// - Throws: `API_ERROR` if no network interface has the metadata service.
    public func getMetadata() async throws -> JSONValue {
        try await usableClient(for: .useMetadata).metadata()
    }

    /// Puts other metadata in the place of all that there was.
    ///
    /// - Parameter metadata: An object.
    /// - Throws: `API_ERROR` if no network interface has the metadata service, or if it is too much.
    public func setMetadata(_ metadata: JSONValue) async throws {
        try await send(.putMMDS(metadata), for: .useMetadata)
    }

    /// Puts other metadata in the place of all that there was.
    ///
    /// - Parameter metadata: Encoded as JSON; an object.
    /// - Throws: As ``setMetadata(_:)-(JSONValue)``; what the value's encoding throws.
    public func setMetadata(_ metadata: some Encodable & Sendable) async throws {
        try await setMetadata(try Self.json(metadata))
    }

    /// Changes some of the metadata: JSON Merge Patch (RFC 7396), where null removes a member.
    ///
    /// - Throws: `API_ERROR` if no network interface has the metadata service, or if it becomes too much.
    public func updateMetadata(_ patch: JSONValue) async throws {
        try await send(.patchMMDS(patch), for: .useMetadata)
    }

    /// Changes some of the metadata: JSON Merge Patch (RFC 7396), where null removes a member.
    ///
    /// - Parameter patch: Encoded as JSON; an object.
    /// - Throws: As ``updateMetadata(_:)-(JSONValue)``; what the value's encoding throws.
    public func updateMetadata(_ patch: some Encodable & Sendable) async throws {
        try await updateMetadata(try Self.json(patch))
    }

    private static func json(_ value: some Encodable) throws -> JSONValue {
        try JSONValue(decoding: Array(try JSONEncoder().encode(value)))
    }
}
