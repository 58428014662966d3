/// The description of an image that somebody hosts: where its kernel and its root file system are, and what they must be.
public struct BaseImageHostedManifest: Codable, Hashable, Sendable {
    /// 1.
    public var schemaVersion: Int
    /// The name of the image and of its directory in the cache: letters, digits, dots, dashes and underscores.
    public var bundleId: String
    /// For people.
    public var name: String?
    /// `x86_64` or `aarch64`.
    public var arch: String
    /// The version of Firecracker whose API the boot arguments are for: `v1.15.1`.
    public var firecrackerVersion: String
    /// `ext4`, `squashfs` or `erofs`.
    public var rootfsType: String
    /// Default: true for squashfs and erofs, which cannot be written, else false.
    public var rootfsIsReadOnly: Bool?
    /// The kernel's command line. Default: ``defaultBootArgs``.
    public var bootArgs: String?
    /// An ELF executable.
    public var kernel: Artifact
    /// The root file system, of the type ``rootfsType``.
    public var rootfs: Artifact
    /// An initramfs with what the kernel needs before the root file system, such as its modules; the guest agent is added to it. Its
    /// `fileName` does not matter. Default: none is needed.
    public var initrd: Artifact?

    /// One file. It has either a path or a URL.
    public struct Artifact: Codable, Hashable, Sendable {
        /// On this machine, relative to the manifest's directory if it does not begin with `/`. Only manifests on this machine may have
        /// any.
        public var path: String?
        /// `http` or `https`.
        public var url: String?
        /// What it is called in the cache. Default: `vmlinux`, and `rootfs.` with the type.
        public var fileName: String?
        /// In hexadecimal. What comes from a URL must have one.
        public var sha256: String?
        /// Bytes.
        public var sizeBytes: Int64?

        /// A file with either a path or a URL; it is checked when an image is made of the manifest.
        public init(
            path: String? = nil, url: String? = nil, fileName: String? = nil, sha256: String? = nil,
            sizeBytes: Int64? = nil
        ) {
            self.path = path
            self.url = url
            self.fileName = fileName
            self.sha256 = sha256
            self.sizeBytes = sizeBytes
        }
    }

    /// `console=ttyS0 reboot=k panic=1 pci=off`: a console to see, an end of the VM when the kernel panics or reboots, and no search for a
    /// PCI bus.
    public static let defaultBootArgs = "console=ttyS0 reboot=k panic=1 pci=off"

    /// A manifest to be written; it is checked when an image is made of it.
    public init(
        schemaVersion: Int = 1, bundleId: String, name: String? = nil, arch: String, firecrackerVersion: String,
        rootfsType: String, rootfsIsReadOnly: Bool? = nil, bootArgs: String? = nil, kernel: Artifact, rootfs: Artifact,
        initrd: Artifact? = nil
    ) {
        self.schemaVersion = schemaVersion
        self.bundleId = bundleId
        self.name = name
        self.arch = arch
        self.firecrackerVersion = firecrackerVersion
        self.rootfsType = rootfsType
        self.rootfsIsReadOnly = rootfsIsReadOnly
        self.bootArgs = bootArgs
        self.kernel = kernel
        self.rootfs = rootfs
        self.initrd = initrd
    }
}
