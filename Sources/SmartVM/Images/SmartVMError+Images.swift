public import FirecrackerClient

extension SmartVMError.Code {
    /// There is no image of this name.
    public static let imageNotFound = Self(rawValue: "IMAGE_NOT_FOUND")
    /// A VM that stays is made with the image.
    public static let imageInUse = Self(rawValue: "IMAGE_IN_USE")
    /// An image could not be made.
    public static let imageBuildFailed = Self(rawValue: "IMAGE_BUILD_FAILED")
    /// An image's manifest cannot be understood.
    public static let invalidImageManifest = Self(rawValue: "INVALID_BASE_IMAGE_MANIFEST")
    /// The manifest of a hosted image was not given, or could not be read or fetched.
    public static let imageManifestFailed = Self(rawValue: "BASE_IMAGE_MANIFEST_FAILED")
    /// The cache is told to keep less than one image.
    public static let invalidImageCacheLimit = Self(rawValue: "INVALID_BASE_IMAGE_CACHE_LIMIT")
    /// A name that no image can have.
    public static let invalidImageName = Self(rawValue: "INVALID_IMAGE_NAME")
    /// A file is not a kernel that a VMM can start.
    public static let invalidKernel = Self(rawValue: "INVALID_KERNEL")
    /// A file is not a root file system that a guest can mount.
    public static let invalidRootFileSystem = Self(rawValue: "INVALID_ROOTFS")
    /// The guest agent's executable is missing.
    public static let guestAgentNotFound = Self(rawValue: "GUEST_AGENT_NOT_FOUND")
}
