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
        try self.init(try Descriptor.open(path, O_RDWR | O_CREAT), mode, wait: wait)
    }

    /// Takes the lock on a file that is there, which must be writable for an exclusive one.
    ///
    /// - Parameter wait: As above.
    public init(existing path: String, _ mode: Mode, wait: Bool = false) throws(Errno) {
        try self.init(try Descriptor.open(path, mode == .exclusive ? O_RDWR : O_RDONLY), mode, wait: wait)
    }

    /// Takes the lock on a directory itself, which holds for whatever name it gets meanwhile.
    ///
    /// - Parameter wait: As above.
    public init(directory path: String, _ mode: Mode = .exclusive, wait: Bool = false) throws(Errno) {
        try self.init(try Descriptor.open(path, O_RDONLY | O_DIRECTORY), mode, wait: wait)
    }

    private init(_ descriptor: consuming Descriptor, _ mode: Mode, wait: Bool) throws(Errno) {
        let operation = (mode == .exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
        let value = descriptor.rawValue
        try systemCall { flock(value, operation) }
        self.descriptor = descriptor
    }

    /// Whether some process that this one can see has a lock on what is at the path, as /proc/locks says it: nobody is disturbed by the
    /// question, and the answer may be out of date at once. A file of another file system with the same number counts too.
    public static func isHeld(_ path: String) -> Bool {
        guard let status = try? FileStatus(of: path), let locks = try? File.readText("/proc/locks") else {
            return false
        }
        return locks.split(separator: "\n").contains { $0.contains("FLOCK") && $0.contains(":\(status.inode) ") }
    }

    /// Whether the path leads to what is locked, not to a file that has taken its place since, or to none.
    public borrowing func isInPlace(_ path: String) -> Bool {
        guard let own = try? FileStatus(of: "/proc/self/fd/\(descriptor.rawValue)"),
            let there = try? FileStatus(of: path)
        else { return false }
        return own.device == there.device && own.inode == there.inode
    }
}
