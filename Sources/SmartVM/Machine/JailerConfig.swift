/// How Firecracker is run under its `jailer`: in a directory that is its whole world, as a user that owns nothing else.
///
/// Needs root. The jailer must belong to the same release as the VMM.
public struct JailerConfig: Hashable, Sendable, Codable {
    /// Which of Linux's two interfaces to control groups is used.
    public enum CgroupVersion: Int, Hashable, Sendable, Codable {
        /// One hierarchy for each controller.
        case v1 = 1
        /// One hierarchy for all.
        case v2 = 2
    }

    /// What the VMM's process may use at most.
    public struct ResourceLimits: Hashable, Sendable, Codable {
        /// The largest file that it may write, in bytes. Default: no limit.
        public var fsize: UInt64?
        /// How many files it may have open. Default: the jailer's own, 2048.
        public var noFile: UInt64?

        /// What is nil is left to the jailer.
        public init(fsize: UInt64? = nil, noFile: UInt64? = nil) {
            self.fsize = fsize
            self.noFile = noFile
        }
    }

    /// The user that the VMM runs as.
    public var uid: UInt32
    /// The group that the VMM runs as.
    public var gid: UInt32
    /// The jailer: an absolute path. Default: `jailer` beside the VMM, else on PATH.
    public var jailerBinaryPath: String?
    /// Where jails are made: an absolute path of a directory that exists. Default: `/srv/jailer`.
    public var chrootBaseDir: String
    /// Default: version 2 where it is mounted at `/sys/fs/cgroup`, else 1.
    public var cgroupVersion: CgroupVersion?
    /// Files of the VMM's control group and what is written to them: `["cpu.max": "50000 100000"]`.
    public var cgroups: [String: String]
    /// The control group in which the VMM's is made, relative to the root of the hierarchy. Default: the VMM's file name.
    public var parentCgroup: String?
    /// The network namespace that the VMM runs in: a path, as `ip netns` makes them under `/var/run/netns`. Its TAPs must be in it.
    public var netns: String?
    /// What the VMM's process may use at most. Default: see each limit.
    public var resourceLimits: ResourceLimits

    /// How the VMM is jailed; see each field for its default.
    public init(
        uid: UInt32, gid: UInt32, jailerBinaryPath: String? = nil, chrootBaseDir: String = "/srv/jailer",
        cgroupVersion: CgroupVersion? = nil, cgroups: [String: String] = [:], parentCgroup: String? = nil,
        netns: String? = nil, resourceLimits: ResourceLimits = .init()
    ) {
        self.uid = uid
        self.gid = gid
        self.jailerBinaryPath = jailerBinaryPath
        self.chrootBaseDir = chrootBaseDir
        self.cgroupVersion = cgroupVersion
        self.cgroups = cgroups
        self.parentCgroup = parentCgroup
        self.netns = netns
        self.resourceLimits = resourceLimits
    }

    private enum CodingKeys: String, CodingKey {
        case uid, gid, jailerBinaryPath, chrootBaseDir, cgroupVersion, cgroups, parentCgroup, netns, resourceLimits
    }

    /// What is missing has its default; only `uid` and `gid` must be there.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            uid: try values.decode(UInt32.self, forKey: .uid), gid: try values.decode(UInt32.self, forKey: .gid),
            jailerBinaryPath: try values.decodeIfPresent(String.self, forKey: .jailerBinaryPath),
            chrootBaseDir: try values.decodeIfPresent(String.self, forKey: .chrootBaseDir) ?? "/srv/jailer",
            cgroupVersion: try values.decodeIfPresent(CgroupVersion.self, forKey: .cgroupVersion),
            cgroups: try values.decodeIfPresent([String: String].self, forKey: .cgroups) ?? [:],
            parentCgroup: try values.decodeIfPresent(String.self, forKey: .parentCgroup),
            netns: try values.decodeIfPresent(String.self, forKey: .netns),
            resourceLimits: try values.decodeIfPresent(ResourceLimits.self, forKey: .resourceLimits) ?? .init())
    }
}
