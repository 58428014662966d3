internal import Glibc

/// The number of a failed system call, as errno(3) lists them: the one error that this target throws.
public struct Errno: Error, RawRepresentable, Hashable, Sendable {
    public var rawValue: Int32

    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The calling thread's errno.
    public static var current: Errno { Errno(rawValue: errno) }

    public static let notPermitted = Errno(rawValue: EPERM)
    public static let noSuchFile = Errno(rawValue: ENOENT)
    public static let noSuchProcess = Errno(rawValue: ESRCH)
    public static let noSuchAddress = Errno(rawValue: ENXIO)
    public static let interrupted = Errno(rawValue: EINTR)
    public static let inputOutput = Errno(rawValue: EIO)
    public static let argumentListTooLong = Errno(rawValue: E2BIG)
    public static let notExecutable = Errno(rawValue: ENOEXEC)
    public static let badDescriptor = Errno(rawValue: EBADF)
    public static let noChild = Errno(rawValue: ECHILD)
    public static let wouldBlock = Errno(rawValue: EAGAIN)
    public static let outOfMemory = Errno(rawValue: ENOMEM)
    public static let permissionDenied = Errno(rawValue: EACCES)
    public static let busy = Errno(rawValue: EBUSY)
    public static let fileExists = Errno(rawValue: EEXIST)
    public static let noSuchDevice = Errno(rawValue: ENODEV)
    public static let notDirectory = Errno(rawValue: ENOTDIR)
    public static let isDirectory = Errno(rawValue: EISDIR)
    public static let invalidArgument = Errno(rawValue: EINVAL)
    public static let notSupported = Errno(rawValue: EOPNOTSUPP)
    public static let fileTooLarge = Errno(rawValue: EFBIG)
    public static let noSpace = Errno(rawValue: ENOSPC)
    public static let brokenPipe = Errno(rawValue: EPIPE)
    public static let readOnlyFileSystem = Errno(rawValue: EROFS)
    public static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    public static let notImplemented = Errno(rawValue: ENOSYS)
    public static let noProtocolOption = Errno(rawValue: ENOPROTOOPT)
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    public static let connectionAborted = Errno(rawValue: ECONNABORTED)
    public static let connectionReset = Errno(rawValue: ECONNRESET)
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    public static let timedOut = Errno(rawValue: ETIMEDOUT)
    public static let networkUnreachable = Errno(rawValue: ENETUNREACH)
    public static let badAddress = Errno(rawValue: EFAULT)
    public static let notATerminal = Errno(rawValue: ENOTTY)
    public static let tooManyFiles = Errno(rawValue: EMFILE)
    public static let inProgress = Errno(rawValue: EINPROGRESS)
    public static let tooManyLinks = Errno(rawValue: ELOOP)
    public static let crossDeviceLink = Errno(rawValue: EXDEV)
    public static let notEmpty = Errno(rawValue: ENOTEMPTY)
}

extension Errno: CustomStringConvertible {
    /// The C library's words, for example `No such file or directory`.
    public var description: String {
        String(cString: strerror(rawValue))
    }
}

/// Calls again as long as a signal interrupts; a negative result is thrown as the errno.
@inlinable
@discardableResult
public func systemCall<Result: FixedWidthInteger & SignedInteger>(
    _ body: () -> Result
) throws(Errno) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let error = Errno.current
        if error != .interrupted { throw error }
    }
}
