public import FirecrackerClient

extension SmartVMError.Code {
    /// An address is no `http` or `https` URL.
    public static let invalidURL = Self(rawValue: "INVALID_URL")
    /// A server could not be reached, refused, or broke off too often.
    public static let downloadFailed = Self(rawValue: "DOWNLOAD_FAILED")
    /// What was fetched or copied has not the size that was announced, or is larger than it may be.
    public static let sizeMismatch = Self(rawValue: "SIZE_MISMATCH")
    /// What was fetched or copied has not the SHA-256 that was announced.
    public static let checksumMismatch = Self(rawValue: "CHECKSUM_MISMATCH")
}
