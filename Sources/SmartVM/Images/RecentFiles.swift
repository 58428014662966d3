internal import Linux

/// Files that are made again when they are needed, of which the last few are kept.
enum RecentFiles {
    /// Removes all but the newest files of a directory whose names begin with `prefix`.
    ///
    /// - Parameter besides: One that stays, and does not count.
    static func keep(_ count: Int, in directory: String, named prefix: String, besides: String?) throws(Errno) {
        var others: [(path: String, modified: Int64)] = []
        for name in try FileTree.names(at: directory) where name.hasPrefix(prefix) {
            let path = "\(directory)/\(name)"
            // Another process may remove the same ones.
            guard path != besides, let status = try? FileStatus(of: path) else { continue }
            others.append((path, status.modified))
        }
        others.sort { $0.modified > $1.modified }
        for old in others.dropFirst(count) { try FileTree.removeAll(old.path) }
    }
}
