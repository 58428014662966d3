/// What is known of a volume at one moment.
public struct VolumeInfo: Hashable, Sendable, Codable {
    /// Unique among the volumes of the data directory.
    public var name: String
    /// The file with its file system.
    public var path: String
    /// Bytes that it can hold, roughly: the size of the file.
    public var size: Int64
    /// Bytes that it takes on this host's disk.
    public var allocated: Int64
    /// As RFC 3339 writes it, in UTC.
    public var createdAt: String
    /// The names of the sandboxes that are made with it.
    public var usedBy: [String]
}
