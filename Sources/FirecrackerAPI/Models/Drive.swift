/// A block device: the body of `PUT /drives/{drive_id}`.
public struct Drive: WireModel {
    /// Letters, digits and underscores.
    public var driveId: String
    /// Partition UUID of the root file system, if it is not the whole device.
    public var partuuid: String?
    /// Whether the guest's root file system is on it.
    public var isRootDevice: Bool
    /// Whether the guest's flushes reach the disk.
    public var cacheType: CacheType
    /// Nil counts as false.
    public var isReadOnly: Bool?
    /// File or block device; needed unless ``socket`` is given.
    public var pathOnHost: String?
    /// No limit if nil.
    public var rateLimiter: RateLimiter?
    /// Nil counts as ``IOEngine/sync``.
    public var ioEngine: IOEngine?
    /// Socket of a vhost-user back end; then neither path, mode, engine nor limiter may be given.
    public var socket: String?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        driveId: String, isRootDevice: Bool, partuuid: String? = nil, cacheType: CacheType = .unsafe,
        isReadOnly: Bool? = nil, pathOnHost: String? = nil, rateLimiter: RateLimiter? = nil,
        ioEngine: IOEngine? = nil, socket: String? = nil
    ) {
        self.driveId = driveId
        self.partuuid = partuuid
        self.isRootDevice = isRootDevice
        self.cacheType = cacheType
        self.isReadOnly = isReadOnly
        self.pathOnHost = pathOnHost
        self.rateLimiter = rateLimiter
        self.ioEngine = ioEngine
        self.socket = socket
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BlockDeviceConfig", initial: Drive(driveId: "", isRootDevice: false),
        [
            .required("drive_id", \.driveId),
            .optional("partuuid", \.partuuid),
            .required("is_root_device", \.isRootDevice),
            .defaulted("cache_type", \.cacheType),
            .optional("is_read_only", \.isReadOnly),
            .optional("path_on_host", \.pathOnHost),
            .optional("rate_limiter", \.rateLimiter),
            .optional("io_engine", \.ioEngine),
            .optional("socket", \.socket),
        ])
}

/// The body of `PATCH /drives/{drive_id}`.
public struct DriveUpdate: WireModel {
    /// The drive.
    public var driveId: String
    /// Another file to put in its place.
    public var pathOnHost: String?
    /// Only the buckets that are given change.
    public var rateLimiter: RateLimiter?

    /// Each parameter sets the property of its name, which says what it means.
    public init(driveId: String, pathOnHost: String? = nil, rateLimiter: RateLimiter? = nil) {
        self.driveId = driveId
        self.pathOnHost = pathOnHost
        self.rateLimiter = rateLimiter
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "BlockDeviceUpdateConfig", initial: DriveUpdate(driveId: ""),
        [
            .required("drive_id", \.driveId),
            .optional("path_on_host", \.pathOnHost),
            .optional("rate_limiter", \.rateLimiter),
        ])
}

/// What a drive's flushes do.
public enum CacheType: String, WireEnum {
    /// Flushes are not announced: a host crash may lose what the guest believes to be on disk.
    case unsafe = "Unsafe"
    /// Flushes reach the disk.
    case writeback = "Writeback"
}

/// How a drive does its I/O.
public enum IOEngine: String, WireEnum {
    /// By io_uring: the device thread does not wait for the disk.
    case async = "Async"
    /// By read and write: the device thread waits for the disk.
    case sync = "Sync"
}
