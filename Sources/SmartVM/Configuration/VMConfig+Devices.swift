public import FirecrackerAPI

extension VMConfig {
    /// A network device.
    public struct NetworkInterface: Hashable, Sendable {
        /// Letters, digits and underscores; no two interfaces have the same.
        public var ifaceId: String
        /// The TAP on the host, an interface name of at most 15 bytes. Default: one that SmartVM makes.
        public var hostDevName: String?
        /// `xx:xx:xx:xx:xx:xx`; no two interfaces have the same. Default: one that follows from the ids of VM and interface.
        public var guestMac: String?
        /// 68 to 65535; since Firecracker 1.16.0. Default: none is announced to the guest.
        public var mtu: Int?
        /// Towards the guest. Default: no limit.
        public var rxRateLimiter: RateLimiter?
        /// From the guest. Default: no limit.
        public var txRateLimiter: RateLimiter?

        /// Each argument is the property of its name.
        public init(
            ifaceId: String, hostDevName: String? = nil, guestMac: String? = nil, mtu: Int? = nil,
            rxRateLimiter: RateLimiter? = nil, txRateLimiter: RateLimiter? = nil
        ) {
            self.ifaceId = ifaceId
            self.hostDevName = hostDevName
            self.guestMac = guestMac
            self.mtu = mtu
            self.rxRateLimiter = rxRateLimiter
            self.txRateLimiter = txRateLimiter
        }
    }

    /// The socket device between guest and host.
    public struct Vsock: Hashable, Sendable {
        /// The guest's context id, 3 to 4294967294. It names the guest to itself alone: two VMs can have the same. Default: 3.
        public var guestCid: Int
        /// The Unix socket that stands for the guest on the host, at most 102 bytes.
        public var udsPath: String

        /// Each argument is the property of its name.
        public init(guestCid: Int = 3, udsPath: String) {
            self.guestCid = guestCid
            self.udsPath = udsPath
        }
    }

    /// The source of randomness that the guest has.
    public struct Entropy: Hashable, Sendable {
        /// Default: no limit.
        public var rateLimiter: RateLimiter?

        /// Each argument is the property of its name.
        public init(rateLimiter: RateLimiter? = nil) {
            self.rateLimiter = rateLimiter
        }
    }

    /// Where the serial console goes. Since Firecracker 1.14.0.
    public struct Serial: Hashable, Sendable {
        /// A file for its output. Default: SmartVM reads it.
        public var serialOutPath: String?
        /// Limits the output, in bytes; since Firecracker 1.16.0. Default: no limit.
        public var rateLimiter: TokenBucket?

        /// Each argument is the property of its name.
        public init(serialOutPath: String? = nil, rateLimiter: TokenBucket? = nil) {
            self.serialOutPath = serialOutPath
            self.rateLimiter = rateLimiter
        }
    }

    /// The metadata service that the guest reaches at a link-local address.
    public struct MMDS: Hashable, Sendable {
        /// Whether the guest needs a token first (`V2`). Default: `V1`, as in Firecracker, which has deprecated it.
        public var version: MMDSVersion?
        /// The ids of the interfaces on which it answers, at least one.
        public var networkInterfaces: [String]
        /// From 169.254.1.0 to 169.254.254.255. Default: 169.254.169.254.
        public var ipv4Address: String?
        /// Whether every answer has the form of EC2's service, whatever the guest accepts; since Firecracker 1.13.0. Default: false.
        public var imdsCompat: Bool

        /// Each argument is the property of its name.
        public init(
            version: MMDSVersion? = nil, networkInterfaces: [String], ipv4Address: String? = nil,
            imdsCompat: Bool = false
        ) {
            self.version = version
            self.networkInterfaces = networkInterfaces
            self.ipv4Address = ipv4Address
            self.imdsCompat = imdsCompat
        }
    }

    /// The VMM's metrics.
    public struct Metrics: Hashable, Sendable {
        /// A file or FIFO; since Firecracker 1.14.0 the file is made if it is missing.
        public var metricsPath: String

        /// Each argument is the property of its name.
        public init(metricsPath: String) {
            self.metricsPath = metricsPath
        }
    }

    /// The VMM's log.
    public struct Logger: Hashable, Sendable {
        /// A file or FIFO; since Firecracker 1.14.0 the file is made if it is missing. Default: the VMM's output.
        public var logPath: String?
        /// Default: `Info`.
        public var level: LogLevel?
        /// Whether lines name their level. Default: false.
        public var showLevel: Bool?
        /// Whether lines name the place in the VMM's source. Default: false.
        public var showLogOrigin: Bool?
        /// Only lines of modules whose path begins so; since Firecracker 1.6.0. Default: all.
        public var module: String?

        /// Each argument is the property of its name.
        public init(
            logPath: String? = nil, level: LogLevel? = nil, showLevel: Bool? = nil, showLogOrigin: Bool? = nil,
            module: String? = nil
        ) {
            self.logPath = logPath
            self.level = level
            self.showLevel = showLevel
            self.showLogOrigin = showLogOrigin
            self.module = module
        }
    }
}
