internal import CLinux
internal import Glibc

/// What stat(2) says of a file.
public struct FileStatus: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case file, directory, link, other
    }

    public var kind: Kind
    /// Bytes.
    public var size: Int64
    /// Bytes on the disk: fewer than ``size`` in a file with holes.
    public var allocated: Int64
    /// Permission bits.
    public var mode: UInt32
    public var owner: UInt32
    public var group: UInt32
    public var device: UInt64
    public var inode: UInt64
    /// Nanoseconds since 1970.
    public var modified: Int64
    /// Nanoseconds since 1970; unlike ``modified`` it cannot be set to an earlier time.
    public var changed: Int64

    /// How many names it has.
    public var links: UInt64

    public init(of path: String, followingLinks: Bool = true) throws(Errno) {
        var status = stat()
        try systemCall { followingLinks ? stat(path, &status) : lstat(path, &status) }
        self.init(status)
    }

    /// Of an open file.
    public init(of descriptor: borrowing Descriptor) throws(Errno) {
        var status = stat()
        let value = descriptor.rawValue
        try systemCall { fstat(value, &status) }
        self.init(status)
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        size = Int64(status.st_size)
        allocated = Int64(status.st_blocks) * 512
        mode = status.st_mode & 0o7777
        owner = status.st_uid
        group = status.st_gid
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        links = UInt64(status.st_nlink)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }
}

/// Room on the file system that holds a path.
public struct FileSystemSpace: Hashable, Sendable {
    /// Bytes that this user can still write.
    public var available: Int64
    /// Bytes in all.
    public var total: Int64

    public init(at path: String) throws(Errno) {
        var status = statvfs()
        try systemCall { statvfs(path, &status) }
        available = Int64(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
        total = Int64(
            clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }
}
