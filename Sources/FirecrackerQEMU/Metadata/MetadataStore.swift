public import FirecrackerAPI

/// The metadata service's data, and how it is served.
public struct MetadataStore: Sendable {
    /// Nil until the first PUT.
    public private(set) var data: JSONValue?
    public internal(set) var version = MMDSVersion.v1
    public internal(set) var isIMDSCompatible = false
    /// The longest text, in bytes, that the data may have as compact JSON.
    public let sizeLimit: Int

    public init(sizeLimit: Int) {
        self.sizeLimit = sizeLimit
    }

    /// What a GET shows.
    public var shown: JSONValue {
        switch data {
        case nil, .null: .object(JSONObject())
        case let data?: data
        }
    }

    public mutating func put(_ value: JSONValue) throws(APIFault) {
        try store(value)
    }

    public mutating func patch(_ value: JSONValue) throws(APIFault) {
        guard let data else { throw .metadataNotInitialized }
        try store(data.merging(value))
    }

    private mutating func store(_ value: JSONValue) throws(APIFault) {
        guard value.encoded.count <= sizeLimit else {
            throw APIFault("MMDS limit exceeded error: The MMDS patch request doesn't fit.", status: 413)
        }
        data = value
    }
}

extension APIFault {
    static let metadataNotInitialized = APIFault("MMDS error: The MMDS data store is not initialized.")
}
