public import FirecrackerClient

extension SmartVMError.Code {
    /// A VM of this name is running.
    public static let nameInUse = Self(rawValue: "NAME_IN_USE")
    /// This machine runs no guests of the architecture that was asked for.
    public static let unsupportedArchitecture = Self(rawValue: "UNSUPPORTED_ARCH")
    /// The VMM could not be started, or ended when it should not have.
    public static let vmmFailed = Self(rawValue: "VMM_FAILED")
    /// The guest did not come up: its kernel panicked, or its agent never answered.
    public static let bootFailed = Self(rawValue: "BOOT_FAILED")
    /// The guest's agent cannot be reached.
    public static let guestUnreachable = Self(rawValue: "GUEST_UNREACHABLE")
    /// The guest sent what is not the agent's protocol.
    public static let guestProtocol = Self(rawValue: "GUEST_PROTOCOL")
    /// A file that a VM is to be made of is not there or not what it should be.
    public static let invalidFile = Self(rawValue: "INVALID_FILE")
}
