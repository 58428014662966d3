public import FirecrackerClient

extension SmartVMError.Code {
    /// A text is no version of Firecracker.
    public static let invalidFirecrackerVersion = Self(rawValue: "INVALID_FIRECRACKER_VERSION")
    /// There is no such release of Firecracker, or it is not installed.
    public static let releaseNotFound = Self(rawValue: "FIRECRACKER_RELEASE_NOT_FOUND")
    /// A release publishes no SHA-256 to check it by.
    public static let checksumMissing = Self(rawValue: "CHECKSUM_MISSING")
    /// A release's archive is not what it should be.
    public static let invalidRelease = Self(rawValue: "INVALID_FIRECRACKER_RELEASE")
}
