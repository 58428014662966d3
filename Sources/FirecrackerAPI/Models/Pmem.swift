/// A virtio-pmem device: the body of `PUT /pmem/{id}`.
public struct Pmem: WireModel {
    /// Letters, digits and underscores.
    public var id: String
    /// The backing file; looked at when the VM starts.
    public var pathOnHost: String
    /// Whether the guest's root file system is on it.
    public var rootDevice: Bool
    /// Whether the guest may not write.
    public var readOnly: Bool
    /// No limit if nil.
    public var rateLimiter: RateLimiter?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        id: String, pathOnHost: String, rootDevice: Bool = false, readOnly: Bool = false,
        rateLimiter: RateLimiter? = nil
    ) {
        self.id = id
        self.pathOnHost = pathOnHost
        self.rootDevice = rootDevice
        self.readOnly = readOnly
        self.rateLimiter = rateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "PmemConfig", initial: Pmem(id: "", pathOnHost: ""),
        [
            .required("id", \.id),
            .required("path_on_host", \.pathOnHost),
            .defaulted("root_device", \.rootDevice),
            .defaulted("read_only", \.readOnly),
            .optional("rate_limiter", \.rateLimiter),
        ])
}

/// The body of `PATCH /pmem/{id}`.
public struct PmemUpdate: WireModel {
    /// The device.
    public var id: String
    /// Only the buckets that are given change.
    public var rateLimiter: RateLimiter?

    /// Each parameter sets the property of its name, which says what it means.
    public init(id: String, rateLimiter: RateLimiter? = nil) {
        self.id = id
        self.rateLimiter = rateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "PmemDeviceUpdateConfig", initial: PmemUpdate(id: ""),
        [
            .required("id", \.id),
            .optional("rate_limiter", \.rateLimiter),
        ])
}
