/// Where base images are kept, and how many.
public struct BaseImageManagerOptions: Sendable {
    /// Default: `.smartvm/base-images` in the system's temporary directory.
    public var cacheDir: String?
    /// How many fetched images are kept, at least 1; those that run do not go even if there are more, and `minimal` does not count.
    /// Default: 2.
    public var maxStoredBaseImages: Int
    /// `x86_64` or `aarch64`. Default: that of this machine.
    public var arch: String?
    /// The S3 bucket of Firecracker's CI, or a mirror of it. Default: `$SMARTVM_BUCKET_URL`, else
    /// `https://s3.amazonaws.com/spec.ccfc.min`.
    public var bucketUrl: String?
    /// Bytes that a file of an image may have. Default: 8 GiB.
    public var maxArtifactBytes: Int64
    /// Told, in a sentence, what happens that nobody asked for: that an image is evicted. Default: a line on standard error.
    public var warning: @Sendable (String) -> Void

    /// What is left out has the default that its property names.
    public init(
        cacheDir: String? = nil, maxStoredBaseImages: Int = 2, arch: String? = nil, bucketUrl: String? = nil,
        maxArtifactBytes: Int64 = 8 << 30, warning: (@Sendable (String) -> Void)? = nil
    ) {
        self.cacheDir = cacheDir
        self.maxStoredBaseImages = maxStoredBaseImages
        self.arch = arch
        self.bucketUrl = bucketUrl
        self.maxArtifactBytes = maxArtifactBytes
        self.warning = warning ?? { WarningOutput.write($0) }
    }
}
