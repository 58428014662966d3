internal import Glibc

/// Whole trees.
extension FileTree {
    /// The names in a directory, without `.` and `..`, sorted.
    public static func names(at path: String) throws(Errno) -> [String] {
        try names(in: try openDirectory(path)).sorted()
    }

    /// Removes a file, or a directory with everything in it; links are removed, never followed. Nothing there is no error.
    public static func removeAll(_ path: String) throws(Errno) {
        do throws(Errno) {
            guard (try FileStatus(of: path, followingLinks: false)).kind == .directory else {
                try systemCall { unlink(path) }
                return
            }
            for name in try names(at: path) { try removeAll("\(path)/\(name)") }
            try systemCall { rmdir(path) }
        } catch .noSuchFile {
        }
    }

    /// rmdir(2): fails with `ENOTEMPTY` if something is in it.
    public static func removeEmptyDirectory(_ path: String) throws(Errno) {
        try systemCall { rmdir(path) }
    }

    /// Bytes on the disk of a directory and everything in it, holes not counted.
    public static func diskUsage(of path: String) throws(Errno) -> Int64 {
        var sum: Int64 = 0
        for name in try names(at: path) {
            let entry = "\(path)/\(name)"
            let status = try FileStatus(of: entry, followingLinks: false)
            sum += status.kind == .directory ? try diskUsage(of: entry) : status.allocated
        }
        return sum
    }

    /// Writes the directory and all files in it to the disk: fsync(2) on each.
    public static func synchronizeAll(_ path: String) throws(Errno) {
        for name in try names(at: path) {
            let entry = "\(path)/\(name)"
            switch try FileStatus(of: entry, followingLinks: false).kind {
            case .directory: try synchronizeAll(entry)
            case .file: try File.synchronize(entry)
            case .link, .other: break
            }
        }
        try File.synchronize(path)
    }
}
