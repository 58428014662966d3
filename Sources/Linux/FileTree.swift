internal import CLinux
internal import Glibc

/// Directories and links, by path or relative to an open directory.
public enum FileTree {
    /// What stat(2) says, in part.
    public struct Attributes: Hashable, Sendable {
        public var mode: UInt32
        public var device: UInt64
        public var size: Int

        public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
        public var isRegular: Bool { mode & S_IFMT == S_IFREG }
        public var isBlockDevice: Bool { mode & S_IFMT == S_IFBLK }
        public var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
        public var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
        /// Whether anyone at all may execute it.
        public var hasExecuteBit: Bool { mode & 0o111 != 0 }
    }

    /// Follows links unless told not to.
    public static func attributes(of path: String, followLinks: Bool = true) throws(Errno) -> Attributes {
        var status = stat()
        try systemCall { fstatat(AT_FDCWD, path, &status, followLinks ? 0 : AT_SYMLINK_NOFOLLOW) }
        return Attributes(mode: status.st_mode, device: UInt64(status.st_dev), size: Int(status.st_size))
    }

    /// Whether something is at the path, be it a link that leads nowhere.
    public static func exists(_ path: String) -> Bool {
        (try? attributes(of: path, followLinks: false)) != nil
    }

    /// Makes a directory; one that exists is left as it is.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        do throws(Errno) { try systemCall { mkdir(path, mode) } } catch { if error != .fileExists { throw error } }
    }

    /// Makes a directory and those above it.
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        let bytes = Array(path.utf8)
        for index in bytes.indices.dropFirst() where bytes[index] == UInt8(ascii: "/") {
            try makeDirectory(String(decoding: bytes[..<index], as: UTF8.self), mode: mode)
        }
        try makeDirectory(path, mode: mode)
    }

    public static func makeSymbolicLink(_ path: String, to target: String) throws(Errno) {
        try systemCall { symlink(target, path) }
    }

    public static func remove(_ path: String) throws(Errno) {
        try systemCall { unlink(path) }
    }

    /// Makes a directory; one that exists is `fileExists`.
    public static func makeNewDirectory(_ path: String, mode: UInt32 = 0o755) throws(Errno) {
        try systemCall { mkdir(path, mode) }
    }

    /// Removes an empty directory.
    public static func removeDirectory(_ path: String) throws(Errno) {
        try systemCall { rmdir(path) }
    }

    /// Of what the path stands for; a link is not followed.
    public static func setOwner(_ path: String, _ user: UInt32, _ group: UInt32) throws(Errno) {
        try systemCall { lchown(path, user, group) }
    }

    public static func setMode(_ path: String, _ mode: UInt32) throws(Errno) {
        try systemCall { chmod(path, mode) }
    }

    public static func setCurrentDirectory(_ path: String) throws(Errno) {
        try systemCall { chdir(path) }
    }

    /// The calling process, and those that it starts from now on, see `path` as their `/`.
    public static func setRoot(_ path: String) throws(Errno) {
        try systemCall { chroot(path) }
    }

    /// An open directory to name files by; nothing can be read from it.
    public static func openDirectory(_ path: String) throws(Errno) -> Descriptor {
        try Descriptor.open(path, O_DIRECTORY | O_RDONLY)
    }

    /// The names in a directory, without `.` and `..`, in no order.
    public static func names(in directory: borrowing Descriptor, at path: String = ".") throws(Errno) -> [String] {
        let value = try directory.open(at: path, O_DIRECTORY | O_RDONLY).take()
        guard let stream = fdopendir(value) else {
            let error = Errno.current
            close(value)
            throw error
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { $0 } }
            if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] {
                names.append(String(decoding: name, as: UTF8.self))
            }
        }
        return names
    }

    /// Removes everything below a directory that is on the same file system, except what `keep` says of paths relative to it.
    /// What cannot be removed stays.
    public static func removeContents(of directory: borrowing Descriptor, keep: (String) -> Bool = { _ in false }) {
        var status = stat()
        guard fstat(directory.rawValue, &status) == 0 else { return }
        removeContents(of: directory.rawValue, prefix: "", device: UInt64(status.st_dev), keep: keep)
    }

    private static func removeContents(of directory: Int32, prefix: String, device: UInt64, keep: (String) -> Bool) {
        let copy = clinux_openat(directory, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC, 0)
        guard copy >= 0 else { return }
        let owner = Descriptor(owning: copy)
        guard let names = try? names(in: owner) else { return }
        for name in names where !keep(prefix + name) {
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0, UInt64(status.st_dev) == device else {
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                if let child = try? owner.open(at: name, O_DIRECTORY | O_RDONLY | O_NOFOLLOW) {
                    removeContents(of: child.rawValue, prefix: prefix + name + "/", device: device, keep: keep)
                }
                unlinkat(directory, name, AT_REMOVEDIR)
            } else {
                unlinkat(directory, name, 0)
            }
        }
    }
}
