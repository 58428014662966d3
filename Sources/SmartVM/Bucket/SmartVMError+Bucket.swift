public import FirecrackerClient

extension SmartVMError.Code {
    /// What a preset is made of could not be found out: the bucket lists nothing fitting, or answers with something else.
    public static let baseImageResolveFailed = Self(rawValue: "BASE_IMAGE_RESOLVE_FAILED")
}
