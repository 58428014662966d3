internal import CLinux
internal import Glibc

/// A directory as the place where names are looked up.
///
/// Names and paths are bytes here, as the kernel has them: what comes out of a file system need not be UTF-8. No name's last
/// component is followed if it is a symbolic link.
extension Descriptor {
    /// open(2) for something to be named by and asked about, not read: `O_PATH`.
    public static let pathOnly = CLINUX_O_PATH

    /// open(2) of a path that need not be UTF-8, close-on-exec; links are followed unless the flags say otherwise.
    public static func open(path: [UInt8], _ flags: Int32, mode: UInt32 = 0o600) throws(Errno) -> Descriptor {
        Descriptor(owning: try withPath(path) { clinux_open($0, flags | O_CLOEXEC, mode) })
    }

    /// Opens a path below this directory, close-on-exec. A path that leads out of it, or through any symbolic link, is refused by the
    /// kernel: `crossDeviceLink` or `tooManyLinks`. So it does not matter who swaps directories for links meanwhile.
    public borrowing func openBeneath(
        _ path: [UInt8], _ flags: Int32, mode: UInt32 = 0o600
    ) throws(Errno) -> Descriptor {
        let directory = rawValue
        return Descriptor(
            owning: try withPath(path) { clinux_open_beneath(directory, $0, flags | O_CLOEXEC, mode) })
    }

    /// What stat(2) says of a name in this directory.
    public borrowing func status(of name: [UInt8]) throws(Errno) -> FileStatus {
        let directory = rawValue
        var status = stat()
        try withPath(name) { fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }
        return FileStatus(status)
    }

    /// Where the link of this name leads.
    public borrowing func linkTarget(of name: [UInt8]) throws(Errno) -> [UInt8] {
        let directory = rawValue
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try withPath(name) { path in
            target.withUnsafeMutableBytes { buffer in
                buffer.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlinkat(directory, path, $0, text.count) } ?? -1
                }
            }
        }
        return Array(target[..<count])
    }

    /// The names in this directory, without `.` and `..`, sorted.
    public borrowing func names() throws(Errno) -> [[UInt8]] {
        let value = try open(at: ".", O_DIRECTORY | O_RDONLY).take()
        guard let stream = fdopendir(value) else {
            let error = Errno.current
            close(value)
            throw error
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// mkdir(2) in this directory; the umask applies.
    public borrowing func makeDirectory(_ name: [UInt8], mode: UInt32) throws(Errno) {
        let directory = rawValue
        try withPath(name) { mkdirat(directory, $0, mode) }
    }

    /// symlink(2) in this directory.
    public borrowing func makeSymbolicLink(_ name: [UInt8], to target: [UInt8]) throws(Errno) {
        let directory = rawValue
        try withPath(target) { (target) throws(Errno) in
            try withPath(name) { symlinkat(target, directory, $0) }
        }
    }

    /// Gives the file that is called `name` in `source` a further name in this directory.
    public borrowing func makeLink(
        _ newName: [UInt8], to name: [UInt8], in source: borrowing Descriptor
    ) throws(Errno) {
        let (directory, from) = (rawValue, source.rawValue)
        try withPath(name) { (name) throws(Errno) in
            try withPath(newName) { linkat(from, name, directory, $0, 0) }
        }
    }

    /// rename(2) within this directory: at once, in the place of a file that is there.
    public borrowing func rename(_ name: [UInt8], to newName: [UInt8]) throws(Errno) {
        let directory = rawValue
        try withPath(name) { (name) throws(Errno) in
            try withPath(newName) { renameat(directory, name, directory, $0) }
        }
    }

    /// Takes away a name that is no directory's.
    public borrowing func unlink(_ name: [UInt8]) throws(Errno) {
        let directory = rawValue
        try withPath(name) { unlinkat(directory, $0, 0) }
    }

    /// The owner of what the name stands for.
    public borrowing func setOwner(_ user: UInt32, _ group: UInt32, of name: [UInt8]) throws(Errno) {
        let directory = rawValue
        try withPath(name) { fchownat(directory, $0, user, group, AT_SYMLINK_NOFOLLOW) }
    }

    /// When it was last modified, in nanoseconds since 1970.
    public borrowing func setModified(_ nanoseconds: Int64, of name: [UInt8]) throws(Errno) {
        let directory = rawValue
        var times = Self.times(modified: nanoseconds)
        try withPath(name) { utimensat(directory, $0, &times, AT_SYMLINK_NOFOLLOW) }
    }

    fileprivate static func times(modified nanoseconds: Int64) -> [timespec] {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let modified =
            rest < 0
            ? timespec(tv_sec: Int(seconds) - 1, tv_nsec: Int(rest) + 1_000_000_000)
            : timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        return [timespec(tv_sec: 0, tv_nsec: Int(CLINUX_UTIME_OMIT)), modified]
    }
}

/// An open file.
extension Descriptor {
    /// fchown(2), which takes set-user-id bits away.
    public borrowing func setOwner(_ user: UInt32, _ group: UInt32) throws(Errno) {
        let value = rawValue
        try systemCall { fchown(value, user, group) }
    }

    /// The lower twelve bits of its mode.
    public borrowing func setMode(_ mode: UInt32) throws(Errno) {
        let value = rawValue
        try systemCall { fchmod(value, mode) }
    }

    /// When it was last modified, in nanoseconds since 1970.
    public borrowing func setModified(_ nanoseconds: Int64) throws(Errno) {
        let value = rawValue
        var times = Self.times(modified: nanoseconds)
        try systemCall { futimens(value, &times) }
    }

    /// Cuts it or lengthens it by a hole.
    public borrowing func setSize(_ bytes: Int64) throws(Errno) {
        let value = rawValue
        try systemCall { ftruncate(value, off_t(bytes)) }
    }

    /// Where the next data begins, and ends, from `offset` on; nil: there is only a hole up to the end.
    public borrowing func nextData(from offset: Int64) throws(Errno) -> Range<Int64>? {
        let value = rawValue
        do throws(Errno) {
            let start = try systemCall { lseek(value, off_t(offset), CLINUX_SEEK_DATA) }
            return Int64(start)..<Int64(try systemCall { lseek(value, start, CLINUX_SEEK_HOLE) })
        } catch .noSuchAddress {
            return nil
        }
    }

    /// pread(2): the number of bytes, 0 at the end.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
        let value = rawValue
        return try systemCall { pread(value, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// Writes all of the bytes at `offset`.
    public borrowing func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
        let value = rawValue
        var done = 0
        while done < buffer.count {
            let start = done
            done += try systemCall {
                pwrite(value, buffer.baseAddress.map { $0 + start }, buffer.count - start, off_t(offset) + start)
            }
        }
    }
}

/// Makes a system call with a path, ended by NUL; one that holds a NUL itself is `invalidArgument`.
@discardableResult
private func withPath<Result: FixedWidthInteger & SignedInteger>(
    _ bytes: [UInt8], _ call: (UnsafePointer<CChar>) throws(Errno) -> Result
) throws(Errno) -> Result {
    guard !bytes.contains(0) else { throw .invalidArgument }
    let path = bytes.map { CChar(bitPattern: $0) } + [0]
    let outcome: Swift.Result<Result, Errno> = path.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return .failure(.invalidArgument) }
        do throws(Errno) {
            while true {
                let result = try call(base)
                if result >= 0 { return .success(result) }
                let error = Errno.current
                if error != .interrupted { return .failure(error) }
            }
        } catch {
            return .failure(error)
        }
    }
    return try outcome.get()
}
