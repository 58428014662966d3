/// Which base image is wanted, and what may be done for it.
public struct BaseImageOptions: Hashable, Sendable {
    /// Default: ``BaseImagePreset/hosted`` if a manifest is given, else ``BaseImagePreset/minimal``.
    public var preset: BaseImagePreset?
    /// Where the manifest of a hosted image lies on this machine.
    public var manifestPath: String?
    /// Where the manifest of a hosted image is fetched from: `http` or `https`.
    public var manifestUrl: String?
    /// `x86_64` or `aarch64`. Default: the manager's.
    public var arch: String?
    /// A version of Firecracker's CI, for ``BaseImagePreset/latest`` and ``BaseImagePreset/lts``: `v1.10`. Default: the newest that the
    /// bucket has, and v1.7.
    public var ciVersion: String?
    /// Makes or fetches it anew even if it is there. VMs that run keep the files that they have open. Default: false.
    public var force: Bool
    /// Asks the bucket for a newer one even if one is there, for ``BaseImagePreset/latest`` and ``BaseImagePreset/lts``. Default: false:
    /// what is there is used.
    public var refresh: Bool
    /// Reads all files and compares them with their checksums. Default: false: files that have not changed since they were last compared
    /// are believed; the others are read.
    public var verify: Bool
    /// Gives it an initramfs with this installation's guest agent, which commands in the guest need. Default: false;
    /// ``BaseImagePreset/minimal`` always has one.
    public var includesAgent: Bool

    /// What is left out has the default that its property names.
    public init(
        preset: BaseImagePreset? = nil, manifestPath: String? = nil, manifestUrl: String? = nil, arch: String? = nil,
        ciVersion: String? = nil, force: Bool = false, refresh: Bool = false, verify: Bool = false,
        includesAgent: Bool = false
    ) {
        self.preset = preset
        self.manifestPath = manifestPath
        self.manifestUrl = manifestUrl
        self.arch = arch
        self.ciVersion = ciVersion
        self.force = force
        self.refresh = refresh
        self.verify = verify
        self.includesAgent = includesAgent
    }
}
