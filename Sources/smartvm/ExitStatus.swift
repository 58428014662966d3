import SmartVM

/// What a command about VMs that stay ends with when it fails. One rule for all of them:
///
/// - 1: that VM is not there, or cannot do what is asked, or is not to be had as it was described. A script can go on from there.
/// - 125: smartvm itself cannot do its work: the data directory, the database, the supervisor, the disk, a program that is missing.
/// - What a command in the guest has ended with, where one runs: 126 and 127 if it could not be run. `run` says 125 for every failure of
///   its own, so that it can be told from the command's status, as docker does.
enum ExitStatus {
    /// Failures of smartvm itself.
    static let ownFailure: Int32 = 125
    /// Failures of the VM that was named.
    static let vmFailure: Int32 = 1

    private static let vmCodes: Set<SmartVMError.Code> = [
        .noSuchVM, .invalidState, .nameInUse, .invalidConfiguration, .invalidFile, .bootFailed, .commandFailed,
        .apiError, .vmmFailed, .guestUnreachable, .guestProtocol, .fileTransferFailed,
    ]

    static func of(_ error: SmartVMError) -> Int32 {
        vmCodes.contains(error.code) ? vmFailure : ownFailure
    }
}
