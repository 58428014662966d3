import ArgumentParser
import SmartVM

/// What a command about something that stays (a VM, a volume, a network, an image) ends with when it fails. One rule for all of them:
///
/// - 1: that one is not there, or cannot do what is asked, or is not to be had as it was described. A script can go on from there.
/// - 125: smartvm itself cannot do its work: the data directory, the database, the supervisor, the disk, a program that is missing.
/// - What a command in the guest has ended with, where one runs: 126 and 127 if it could not be run. `run` says 125 for every failure of
///   its own, so that it can be told from the command's status, as docker does.
enum ExitStatus {
    /// Failures of smartvm itself.
    static let ownFailure: Int32 = 125
    /// Failures of what was named.
    static let namedFailure: Int32 = 1

    private static let namedCodes: Set<SmartVMError.Code> = [
        .noSuchVM, .invalidState, .nameInUse, .invalidConfiguration, .invalidFile, .bootFailed, .commandFailed,
        .apiError, .vmmFailed, .guestUnreachable, .guestProtocol, .fileTransferFailed,
        .noSuchVolume, .volumeInUse,
        .noSuchNetwork, .networkInUse, .networkExists, .invalidSubnet, .subnetInUse, .ipExhausted, .macAddressInUse,
        .portInUse, .portNotPermitted,
        .imageNotFound, .imageInUse, .invalidImageName, .releaseNotFound,
        .invalidFirecrackerVersion,
    ]

    static func of(_ error: SmartVMError) -> Int32 {
        namedCodes.contains(error.code) ? namedFailure : ownFailure
    }

    /// Does something; a failure is said, and ends the command with its status.
    static func told<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as SmartVMError {
            StandardError.print("smartvm: \(error)")
            throw ExitCode(of(error))
        }
    }

    /// Does something with each of several, and goes on after a failure, as docker does; ends with the worst status of all.
    ///
    /// - Parameter ignored: What is said, and is no failure.
    static func told(
        ofEach names: [String], ignoring ignored: SmartVMError.Code? = nil, _ body: (String) async throws -> Void
    ) async throws {
        var status: Int32 = 0
        for name in names {
            do {
                try await body(name)
            } catch let error as SmartVMError {
                StandardError.print("smartvm: \(error)")
                if error.code != ignored { status = max(status, of(error)) }
            }
        }
        if status != 0 { throw ExitCode(status) }
    }
}
