/// Everything that a guest boots from: kernel, initramfs, root file system, and the arguments that go with them. Its description is
/// `manifest.json` in its directory.
public struct BaseImageBundle: Codable, Hashable, Sendable {
    /// Which way it came.
    public var preset: BaseImagePreset
    /// As `uname -m` says it: `x86_64` or `aarch64`.
    public var arch: String
    /// The version of the kernel's package; for bundles from Firecracker's CI, that of the CI.
    public var ciVersion: String
    /// The version of Firecracker whose API the boot arguments are for.
    public var firecrackerVersion: String
    /// The name of the image and of its directory.
    public var bundleId: String
    /// The directory that holds it.
    public var bundleDir: String
    /// An ELF executable.
    public var kernelImagePath: String
    /// Holds the guest agent as /init, and the kernel's modules. Bundles whose guests are used without the agent have none.
    public var initrdPath: String?
    /// A file system in a file.
    public var rootfsPath: String
    /// `ext4`, `squashfs` or `erofs`: what the agent mounts it as.
    public var rootfsType: String
    /// Whether VMs without the agent may not write to it. With the agent none can: their writes go to a layer of their own.
    public var rootfsIsReadOnly: Bool
    /// The kernel's command line, without what a VMM adds.
    public var bootArgs: String
    /// Where it came from.
    public var source: Source
    /// ISO 8601, in UTC.
    public var createdAt: String
    /// ISO 8601, in UTC; exact to an hour.
    public var lastAccessedAt: String
    /// What its files must be.
    public var checksums: Checksums?
    /// The agent in the initramfs.
    public var agent: Agent?

    /// Where it came from. What does not apply is absent.
    public struct Source: Codable, Hashable, Sendable {
        /// `debian-packages`, `hosted-manifest` or `firecracker-ci`.
        public var type: String?
        /// The bucket of `firecracker-ci`.
        public var bucketUrl: String?
        /// The kernel's key in the bucket.
        public var kernelKey: String?
        /// The root file system's key in the bucket.
        public var rootfsKey: String?
        /// The file of `hosted-manifest`.
        public var manifestPath: String?
        /// The URL of `hosted-manifest`.
        public var manifestUrl: String?
        /// Debian's packages, each as `name=version`.
        public var packages: [String]?
        /// Which of SmartVM's ways of making it of them; one that was made in an older way is made anew.
        public var recipe: Int?

        /// With a type, and nothing else.
        public init(type: String? = nil) {
            self.type = type
        }
    }

    /// SHA-256 in hexadecimal.
    public struct Checksums: Codable, Hashable, Sendable {
        /// The kernel's.
        public var kernelSha256: String
        /// The root file system's.
        public var rootfsSha256: String
        /// The initramfs', if there is one.
        public var initrdSha256: String?

        /// Each parameter sets the property of its name, which says what it means.
        public init(kernelSha256: String, rootfsSha256: String, initrdSha256: String? = nil) {
            self.kernelSha256 = kernelSha256
            self.rootfsSha256 = rootfsSha256
            self.initrdSha256 = initrdSha256
        }
    }

    /// The agent's executable, and how to see without reading it that it is still the same.
    public struct Agent: Codable, Hashable, Sendable {
        /// Where it was when it was packed.
        public var path: String
        /// In hexadecimal.
        public var sha256: String
        /// Device, inode, size and time of change.
        public var identity: String

        /// Each parameter sets the property of its name, which says what it means.
        public init(path: String, sha256: String, identity: String) {
            self.path = path
            self.sha256 = sha256
            self.identity = identity
        }
    }

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        preset: BaseImagePreset, arch: String, ciVersion: String, firecrackerVersion: String, bundleId: String,
        bundleDir: String, kernelImagePath: String, initrdPath: String? = nil, rootfsPath: String, rootfsType: String,
        rootfsIsReadOnly: Bool, bootArgs: String, source: Source, createdAt: String, lastAccessedAt: String,
        checksums: Checksums? = nil, agent: Agent? = nil
    ) {
        self.preset = preset
        self.arch = arch
        self.ciVersion = ciVersion
        self.firecrackerVersion = firecrackerVersion
        self.bundleId = bundleId
        self.bundleDir = bundleDir
        self.kernelImagePath = kernelImagePath
        self.initrdPath = initrdPath
        self.rootfsPath = rootfsPath
        self.rootfsType = rootfsType
        self.rootfsIsReadOnly = rootfsIsReadOnly
        self.bootArgs = bootArgs
        self.source = source
        self.createdAt = createdAt
        self.lastAccessedAt = lastAccessedAt
        self.checksums = checksums
        self.agent = agent
    }
}
