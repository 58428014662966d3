public import FirecrackerClient

extension SmartVMError.Code {
    /// There is no sandbox of this name or id.
    public static let noSuchVM = Self(rawValue: "NO_SUCH_VM")
    /// The supervisor of a sandbox cannot be run, or does not answer.
    public static let supervisorFailed = Self(rawValue: "SUPERVISOR_FAILED")
    /// The command of a sandbox could not be run: see ``SmartVMError/exitStatus``.
    public static let commandFailed = Self(rawValue: "COMMAND_FAILED")
}

extension SmartVMError {
    static func noSuchVM(_ name: String) -> SmartVMError {
        SmartVMError(.noSuchVM, "No such VM: \(name).", cure: "See `smartvm ps -a`.")
    }
}
