public import FirecrackerAPI

extension VMConfig {
    /// A block device.
    public struct Drive: Hashable, Sendable {
        /// Letters, digits and underscores; no two drives have the same.
        public var driveId: String
        /// A file or block device on the host; needed unless ``socket`` is given.
        public var pathOnHost: String?
        /// Whether the guest's root file system is on it: one device at most. Default: false.
        public var isRootDevice: Bool
        /// Default: false, as in Firecracker.
        public var isReadOnly: Bool
        /// Partition UUID of the root file system, if it is not the whole device. Default: none.
        public var partuuid: String?
        /// Whether the guest's flushes reach the disk. Default: `Unsafe`.
        public var cacheType: CacheType?
        /// How the host does the I/O. Default: `Sync`.
        public var ioEngine: IOEngine?
        /// Default: no limit.
        public var rateLimiter: RateLimiter?
        /// Socket of a vhost-user back end; then path, mode, engine and limiter are the back end's affair and must not be given.
        /// Since Firecracker 1.6.0. Default: none.
        public var socket: String?

        /// Each argument is the property of its name.
        public init(
            driveId: String, pathOnHost: String? = nil, isRootDevice: Bool = false, isReadOnly: Bool = false,
            partuuid: String? = nil, cacheType: CacheType? = nil, ioEngine: IOEngine? = nil,
            rateLimiter: RateLimiter? = nil, socket: String? = nil
        ) {
            self.driveId = driveId
            self.pathOnHost = pathOnHost
            self.isRootDevice = isRootDevice
            self.isReadOnly = isReadOnly
            self.partuuid = partuuid
            self.cacheType = cacheType
            self.ioEngine = ioEngine
            self.rateLimiter = rateLimiter
            self.socket = socket
        }
    }

    /// A file that the guest has as persistent memory. Since Firecracker 1.14.0.
    public struct Pmem: Hashable, Sendable {
        /// Letters, digits and underscores; no two such devices have the same.
        public var id: String
        /// A file on the host, not empty; its size is rounded up to 2 MiB.
        public var pathOnHost: String
        /// Whether the guest's root file system is on it. Default: false.
        public var rootDevice: Bool
        /// Default: false.
        public var readOnly: Bool
        /// Limits what the guest's flushes write; since Firecracker 1.16.0. Default: no limit.
        public var rateLimiter: RateLimiter?

        /// Each argument is the property of its name.
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
    }

    /// Limits of a device.
    public struct RateLimiter: Hashable, Sendable {
        /// In bytes. Default: no limit.
        public var bandwidth: TokenBucket?
        /// In operations. Default: no limit.
        public var ops: TokenBucket?

        /// Each argument is the property of its name.
        public init(bandwidth: TokenBucket? = nil, ops: TokenBucket? = nil) {
            self.bandwidth = bandwidth
            self.ops = ops
        }
    }

    /// One budget of a rate limiter: so many tokens in so much time.
    public struct TokenBucket: Hashable, Sendable {
        /// Tokens that it holds: bytes or operations, at least 1.
        public var size: Int
        /// Milliseconds in which an empty bucket becomes full, at least 1.
        public var refillTime: Int
        /// Tokens on top, at the start, that are not refilled. Default: none.
        public var oneTimeBurst: Int?

        /// Each argument is the property of its name.
        public init(size: Int, refillTime: Int, oneTimeBurst: Int? = nil) {
            self.size = size
            self.refillTime = refillTime
            self.oneTimeBurst = oneTimeBurst
        }
    }
}

extension VMConfig.Drive: ConfigurationObject {
    static var initial: Self { Self(driveId: "") }

    static let keys: [ConfigurationKey<Self>] = [
        .value("driveId", \.driveId),
        .optional("pathOnHost", \.pathOnHost),
        .value("isRootDevice", \.isRootDevice),
        .value("isReadOnly", \.isReadOnly, default: false),
        .optional("partuuid", \.partuuid),
        .optional("cacheType", \.cacheType),
        .optional("ioEngine", \.ioEngine),
        .optional("rateLimiter", \.rateLimiter),
        .optional("socket", \.socket, since: FirecrackerVersion(1, 6)),
    ]
}

extension VMConfig.Pmem: ConfigurationObject {
    static var initial: Self { Self(id: "", pathOnHost: "") }

    static let keys: [ConfigurationKey<Self>] = [
        .value("id", \.id),
        .value("pathOnHost", \.pathOnHost),
        .value("rootDevice", \.rootDevice, default: false),
        .value("readOnly", \.readOnly, default: false),
        .optional("rateLimiter", \.rateLimiter, since: FirecrackerVersion(1, 16)),
    ]
}

extension VMConfig.RateLimiter: ConfigurationObject {
    static var initial: Self { Self(bandwidth: nil) }

    static let keys: [ConfigurationKey<Self>] = [.optional("bandwidth", \.bandwidth), .optional("ops", \.ops)]
}

extension VMConfig.TokenBucket: ConfigurationObject {
    static var initial: Self { Self(size: 0, refillTime: 0) }

    static let keys: [ConfigurationKey<Self>] = [
        .value("size", \.size),
        .value("refillTime", \.refillTime),
        .optional("oneTimeBurst", \.oneTimeBurst),
    ]
}
