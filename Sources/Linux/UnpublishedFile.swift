internal import CLinux
internal import Glibc

/// A file in the making, which has its name only when it is complete.
///
/// Until ``publish()`` it has no name (O_TMPFILE of open(2)), so that whatever happens to this process nothing of it stays,
/// and what was under the name before stays readable as it was. Where the file system has no such files it stands beside
/// its place under a name that ends in `.tmp`. What cannot be replaced at once is written in place: a device, a pipe, or a
/// file in a directory where nothing can be made.
public struct UnpublishedFile: ~Copyable {
    /// Open for writing, and positioned at the beginning.
    public let descriptor: Descriptor
    /// Where it goes, links followed.
    private let path: String
    private let temporaryPath: String
    private let stage: Stage

    private enum Stage {
        case unnamed, temporary, inPlace
    }

    private init(_ descriptor: consuming Descriptor, path: String, temporaryPath: String, stage: Stage) {
        self.descriptor = descriptor
        self.path = path
        self.temporaryPath = temporaryPath
        self.stage = stage
    }

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - path: What is there is replaced, and keeps its owner and permissions.
    ///   - mode: Permissions where nothing is there.
    ///   - keepsContent: Whether it begins with the content of what is there instead of empty.
    /// - Throws: What open(2) says of the path.
    public static func begin(
        for path: String, mode: UInt32 = 0o600, keepsContent: Bool = false
    ) throws(Errno) -> UnpublishedFile {
        var before = stat()
        let exists = stat(path, &before) == 0
        let kind = before.st_mode & S_IFMT
        if exists, kind == S_IFDIR { throw .isDirectory }
        guard !exists || kind == S_IFREG, let target = target(of: path, exists ? before : nil) else {
            return try inPlace(path, mode, keepsContent)
        }
        // One that may not be written may not be replaced either.
        if exists { try systemCall { access(path, W_OK) } }
        let file: UnpublishedFile
        do throws(Errno) {
            file = try begin(at: target, exists ? before.st_mode & 0o777 : mode)
        } catch {
            guard exists, [.permissionDenied, .notPermitted, .readOnlyFileSystem].contains(error) else { throw error }
            return try inPlace(path, mode, keepsContent)
        }
        guard exists else { return file }
        let value = file.descriptor.rawValue
        _ = fchown(value, before.st_uid, before.st_gid)
        _ = fchmod(value, before.st_mode & 0o777)
        if keepsContent {
            let source = try Descriptor.open(target, O_RDONLY)
            try SparseFile.copy(source.rawValue, to: value)
            try systemCall { lseek(value, 0, SEEK_SET) }
        }
        return file
    }

    private static func inPlace(
        _ path: String, _ mode: UInt32, _ keepsContent: Bool
    ) throws(Errno) -> UnpublishedFile {
        // Without waiting for somebody to read a pipe.
        let flags = O_WRONLY | O_CREAT | O_NONBLOCK | (keepsContent ? 0 : O_TRUNC)
        return UnpublishedFile(
            try Descriptor.open(path, flags, mode: mode), path: path, temporaryPath: "", stage: .inPlace)
    }

    private static func begin(at path: String, _ mode: UInt32) throws(Errno) -> UnpublishedFile {
        let temporaryPath = "\(path).\(getpid()).tmp"
        do throws(Errno) {
            let directory = directory(of: path)
            let unnamed = Descriptor(owning: try systemCall { clinux_open_unnamed(directory, mode) })
            return UnpublishedFile(unnamed, path: path, temporaryPath: temporaryPath, stage: .unnamed)
        } catch {
            guard [.notSupported, .isDirectory, .noSuchFile, .invalidArgument].contains(error) else { throw error }
            // The last two also say that the directory is not there, and so does this.
            let named = try Descriptor.open(temporaryPath, O_RDWR | O_CREAT | O_TRUNC, mode: mode)
            return UnpublishedFile(named, path: path, temporaryPath: temporaryPath, stage: .temporary)
        }
    }

    deinit {
        if stage == .temporary { unlink(temporaryPath) }
    }

    /// Writes the content to the disk, as far as it is one: fsync(2).
    public borrowing func synchronize() throws(Errno) {
        let value = descriptor.rawValue
        do throws(Errno) {
            try systemCall { fsync(value) }
        } catch .invalidArgument {
            // A pipe or a device has nothing to write out.
        }
    }

    /// Puts the file in its place, at once.
    public consuming func publish() throws(Errno) {
        guard stage != .inPlace else { return }
        let path = path
        let temporaryPath = temporaryPath
        if stage == .unnamed {
            let value = descriptor.rawValue
            if clinux_name(value, path) == 0 { return }
            guard Errno.current == .fileExists else { throw .current }
            unlink(temporaryPath)
            try systemCall { clinux_name(value, temporaryPath) }
        }
        do throws(Errno) {
            try systemCall { rename(temporaryPath, path) }
        } catch {
            unlink(temporaryPath)
            throw error
        }
    }

    /// Where links lead; nil if that is nothing which a name can be given to.
    private static func target(of path: String, _ status: stat?) -> String? {
        var link = stat()
        guard lstat(path, &link) == 0, link.st_mode & S_IFMT == S_IFLNK else { return path }
        guard let status, let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        // A link of /proc may name what has another name by now, or none.
        guard stat(resolved, &link) == 0, link.st_ino == status.st_ino, link.st_dev == status.st_dev else { return nil }
        return String(cString: resolved)
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
