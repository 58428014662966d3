public import GuestProtocol
public import Linux

/// Why a transfer of files ended too early.
public enum TransferError: Error, Hashable, Sendable {
    /// A system call on a file at this end failed.
    case file(path: [UInt8], Errno)
    /// This end does not do that with that file.
    case refused(path: [UInt8], reason: String)
    /// What arrived is no archive.
    case malformed(String)
    /// The connection to the other end broke; nil: it was closed.
    case connection(Errno?)
    /// What arrived is not the protocol.
    case garbage(GuestProtocolError)
    /// The other end has failed, and said why.
    case peer(FileFailure)

    /// The same for the other end to hear.
    public var failure: FileFailure {
        switch self {
        case .file(let path, let errno):
            FileFailure(
                path: String(decoding: path, as: UTF8.self), errno: errno.rawValue, reason: errno.description)
        case .refused(let path, let reason):
            FileFailure(path: String(decoding: path, as: UTF8.self), errno: 0, reason: reason)
        case .malformed(let reason): FileFailure(path: "", errno: 0, reason: "the archive is malformed: \(reason)")
        case .connection(let errno):
            FileFailure(
                path: "", errno: errno?.rawValue ?? 0,
                reason: errno.map { "the connection broke: \($0)" } ?? "the connection was closed")
        case .garbage(let error): FileFailure(path: "", errno: 0, reason: "not the protocol: \(error)")
        case .peer(let failure): failure
        }
    }
}

extension TransferError: CustomStringConvertible {
    public var description: String {
        let failure = failure
        return failure.path.isEmpty ? failure.reason : "\(failure.path): \(failure.reason)"
    }
}

/// Names the file that a system call was about.
func attempt<Result: ~Copyable>(
    _ path: [UInt8], _ body: () throws(Errno) -> Result
) throws(TransferError) -> Result {
    do throws(Errno) { return try body() } catch { throw .file(path: path, error) }
}
