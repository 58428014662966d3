internal import Glibc

/// Directories by path.
public enum Directory {
    /// Makes one directory. One that is there already is no error.
    ///
    /// - Parameter mode: Its permissions if it is made (the umask applies).
    public static func make(_ path: String, mode: UInt32 = 0o700) throws(Errno) {
        do throws(Errno) {
            try systemCall { mkdir(path, mode) }
        } catch .fileExists {
            // A file in its place is an error, and so is a link that leads nowhere.
            guard (try FileStatus(of: path)).kind == .directory else { throw .notDirectory }
        }
    }

    /// Makes a directory and those above it that are missing.
    public static func makeAll(_ path: String, mode: UInt32 = 0o700) throws(Errno) {
        do throws(Errno) {
            try make(path, mode: mode)
        } catch .noSuchFile {
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { throw .noSuchFile }
            try makeAll(String(path[..<slash]), mode: mode)
            try make(path, mode: mode)
        }
    }

    /// The names in a directory, without `.` and `..`, sorted.
    public static func list(_ path: String) throws(Errno) -> [String] {
        guard let stream = opendir(path) else { throw .current }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file, or a directory with everything in it; links are removed, never followed. Nothing there is no error.
    public static func removeTree(_ path: String) throws(Errno) {
        do throws(Errno) {
            guard (try FileStatus(of: path, followingLinks: false)).kind == .directory else {
                try systemCall { unlink(path) }
                return
            }
            for name in try list(path) { try removeTree("\(path)/\(name)") }
            try systemCall { rmdir(path) }
        } catch .noSuchFile {
        }
    }

    /// Bytes on the disk of a directory and everything in it, holes not counted.
    public static func size(_ path: String) throws(Errno) -> Int64 {
        var sum: Int64 = 0
        for name in try list(path) {
            let entry = "\(path)/\(name)"
            let status = try FileStatus(of: entry, followingLinks: false)
            sum += status.kind == .directory ? try size(entry) : status.allocated
        }
        return sum
    }

    /// Writes the directory and all files in it to the disk: fsync(2) on each.
    public static func synchronizeTree(_ path: String) throws(Errno) {
        for name in try list(path) {
            let entry = "\(path)/\(name)"
            switch try FileStatus(of: entry, followingLinks: false).kind {
            case .directory: try synchronizeTree(entry)
            case .file: try File.synchronize(entry)
            case .link, .other: break
            }
        }
        try File.synchronize(path)
    }
}
