public import FirecrackerClient
internal import Glibc
internal import GuestFiles
internal import GuestProtocol

extension SmartVMError.Code {
    /// A file could not be copied to or from a guest: ``SmartVMError/underlying`` is a ``FileTransferFailure``.
    public static let fileTransferFailed = Self(rawValue: "FILE_TRANSFER_FAILED")
}

/// Which file could not be copied, and why.
public struct FileTransferFailure: Error, Hashable, Sendable {
    /// Where the file is.
    public enum Side: String, Hashable, Sendable {
        /// On this machine.
        case host
        /// In the guest.
        case guest
    }

    /// Where the file is.
    public var side: Side
    /// Empty if the failure is that of no one file.
    public var path: String
    /// Linux's number of the error, for example 2 (`ENOENT`); nil if no system call failed.
    public var errno: Int32?
    /// A few words without the path.
    public var reason: String

    /// Which file could not be copied, and why.
    public init(side: Side, path: String, errno: Int32?, reason: String) {
        self.side = side
        self.path = path
        self.errno = errno
        self.reason = reason
    }
}

extension TransferError {
    /// The error for the one who asked for the transfer.
    func transferFailure(vm: String) -> SmartVMError {
        switch self {
        case .connection(let errno):
            return SmartVMError(
                .guestUnreachable,
                "The connection to the guest of VM \(vm) broke while files were copied"
                    + (errno.map { ": \($0)." } ?? "."),
                cure: "The guest has stopped or crashed, or its agent is of an older version.", underlying: self)
        case .garbage(let error):
            return SmartVMError(
                .guestProtocol, "The guest of VM \(vm) sent what is not the agent's protocol: \(error).",
                cure: "The guest's agent is of another version, or the guest is hostile: do not use what it sent.",
                underlying: self)
        case .peer(let failure): return Self.error(failure, .guest, vm: vm)
        case .file, .refused, .malformed: return Self.error(failure, .host, vm: vm)
        }
    }

    private static func error(_ failure: FileFailure, _ side: FileTransferFailure.Side, vm: String) -> SmartVMError {
        let place = side == .guest ? " in VM \(vm)" : ""
        let path = failure.path.isEmpty ? "The copy" : failure.path
        let cure: String? =
            switch failure.errno {
            case ENOENT: "Check the path; the directory that a copy goes into must exist."
            case ENOSPC:
                side == .guest
                    ? "Remove files in the guest, or give it more memory or a larger disk."
                    : "Free some space on the host."
            case EROFS: "Choose a place in the guest that can be written."
            default: nil
            }
        return SmartVMError(
            .fileTransferFailed, "\(path)\(place): \(failure.reason).", cure: cure,
            underlying: FileTransferFailure(
                side: side, path: failure.path, errno: failure.errno == 0 ? nil : failure.errno,
                reason: failure.reason))
    }
}
