internal import Glibc

/// An advisory lock on a whole file (flock(2)), held until the value goes away; the kernel releases it when the holder is killed.
public struct FileLock: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public enum Mode: Sendable {
        case shared, exclusive
    }

    /// Takes the lock, making the file if need be.
    ///
    /// - Parameter wait: Whether to block the thread until it is free. Otherwise a lock held elsewhere is `wouldBlock`.
    public init(_ path: String, _ mode: Mode = .exclusive, wait: Bool = false) throws(Errno) {
        let descriptor = try Descriptor.open(path, O_RDWR | O_CREAT)
        let operation = (mode == .exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
        let value = descriptor.rawValue
        try systemCall { flock(value, operation) }
        self.descriptor = descriptor
    }
}
