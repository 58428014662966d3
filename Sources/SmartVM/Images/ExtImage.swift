internal import Linux

/// An ext4 file system in a file, made without privileges.
struct ExtImage: Sendable {
    let path: String

    /// Makes a file system that holds a copy of `tree`, all of it owned by root. It has no journal: it is meant to be read.
    ///
    /// - Parameter size: Bytes.
    func make(of tree: String, size: Int) async throws {
        try await Tool.mke2fs.run([
            "-q", "-F", "-t", "ext4", "-b", "4096", "-O", "^has_journal,^resize_inode", "-m", "0", "-N", "1024",
            "-E", "root_owner=0:0,lazy_itable_init=0", "-d", tree, path, "\(size >> 10)k",
        ])
        // mke2fs copies owners too, and only root can make files of root's.
        var commands = ""
        try Self.collect(tree, prefix: "/", into: &commands)
        try File.write(Array(commands.utf8), to: "\(path).owners")
        try await Tool.debugfs.run(["-w", "-f", "\(path).owners", path])
        try FileTree.removeAll("\(path).owners")
    }

    private static func collect(_ tree: String, prefix: String, into commands: inout String) throws(Errno) {
        for name in try FileTree.names(at: "\(tree)\(prefix)") {
            let path = prefix + name
            let status = try FileStatus(of: "\(tree)\(path)", followingLinks: false)
            if status.owner != 0 { commands += "sif \"\(path)\" uid 0\n" }
            if status.group != 0 { commands += "sif \"\(path)\" gid 0\n" }
            if status.kind == .directory { try collect(tree, prefix: "\(path)/", into: &commands) }
        }
    }
}
