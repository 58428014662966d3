internal import Glibc

/// Whole small files by path, for what the kernel and this package's own records keep in them.
public enum File {
    /// All bytes of a file.
    public static func read(_ path: String, limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
        try Descriptor.open(path, O_RDONLY).readAll(limit: limit)
    }

    /// The text of a file; bytes that are no UTF-8 become U+FFFD.
    public static func readText(_ path: String, limit: Int = 64 << 20) throws(Errno) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }

    /// Makes the file or empties it, then writes `bytes`.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(Errno) {
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode).writeAll(bytes)
    }

    /// Puts a complete file in the place of another at once (rename(2)): a reader sees the old one or the new one.
    public static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(Errno) {
        let temporary = "\(path).\(getpid()).tmp"
        do throws(Errno) {
            try write(bytes, to: temporary, mode: mode)
            try systemCall { rename(temporary, path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Whether something is at the path (links are followed).
    public static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }
}
