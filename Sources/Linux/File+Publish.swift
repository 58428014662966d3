internal import CLinux
internal import Glibc

/// Moving, copying and making permanent.
extension File {
    /// rename(2): at once, in the place of a file that is there.
    public static func move(_ path: String, to destination: String) throws(Errno) {
        try systemCall { rename(path, destination) }
    }

    /// Two files or directories change places at once.
    public static func exchange(_ path: String, with other: String) throws(Errno) {
        try systemCall { clinux_exchange(path, other) }
    }

    /// The path without links, `.` and `..` (realpath(3)); nil if nothing is there.
    public static func realPath(_ path: String) -> String? {
        guard let resolved = Glibc.realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// link(2): another name for a file.
    public static func link(_ path: String, to name: String) throws(Errno) {
        try systemCall { Glibc.link(path, name) }
    }

    /// Writes a file or directory to the disk: fsync(2).
    public static func synchronize(_ path: String) throws(Errno) {
        let descriptor = try Descriptor.open(path, O_RDONLY)
        let value = descriptor.rawValue
        try systemCall { fsync(value) }
    }

    /// Makes a file of the bytes of others, one after another, in the kernel where that is possible.
    public static func concatenate(
        _ sources: [String], to destination: String, mode: UInt32 = 0o600
    ) throws(Errno) {
        let output = try Descriptor.open(destination, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        let to = output.rawValue
        for source in sources {
            let input = try Descriptor.open(source, O_RDONLY)
            let from = input.rawValue
            while try systemCall({ sendfile(to, from, nil, 1 << 30) }) > 0 {}
        }
    }

    /// Whether this process may execute the file at the path.
    public static func isExecutable(_ path: String) -> Bool {
        guard let status = try? FileStatus(of: path), status.kind == .file else { return false }
        return access(path, X_OK) == 0
    }

    /// Whether this process may write to the file or directory at the path.
    public static func isWritable(_ path: String) -> Bool {
        access(path, W_OK) == 0
    }

    /// Where a link leads, without following further links.
    public static func linkTarget(_ path: String) throws(Errno) -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try systemCall {
            bytes.withUnsafeMutableBytes { buffer in
                buffer.withMemoryRebound(to: CChar.self) { text in
                    text.baseAddress.map { readlink(path, $0, text.count) } ?? -1
                }
            }
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
