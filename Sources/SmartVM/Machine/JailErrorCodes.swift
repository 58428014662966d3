public import FirecrackerClient

extension SmartVMError.Code {
    /// The `jailer` program is not there.
    public static let jailerNotFound = Self(rawValue: "JAILER_NOT_FOUND")
    /// A jail is asked for and this process is not root's.
    public static let jailerNeedsRoot = Self(rawValue: "JAILER_NEEDS_ROOT")
    /// A jail cannot be made on this host.
    public static let jailFailed = Self(rawValue: "JAIL_FAILED")
}
