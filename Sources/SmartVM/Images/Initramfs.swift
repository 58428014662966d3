internal import Linux

/// Archives that the kernel unpacks into its first root: cpio, format newc, not compressed.
///
/// Uncompressed, because unpacking costs an emulated CPU more than the bytes cost anybody; and because archives can then be put one
/// after another: the modules are packed once for an image, and the agent is added whenever it is another one.
struct Initramfs: Sendable {
    /// Directories that the agent finds.
    static let directories = ["dev", "etc", "lib", "mnt", "proc", "root", "run", "sys", "tmp"]

    /// Packs everything in `tree`, owned by root.
    ///
    /// The kernel has /dev/console in an archive of its own, which it unpacks before: no device node is needed.
    func pack(_ tree: String, to archive: String) async throws {
        var names: [String] = []
        try Self.collect(tree, prefix: "", into: &names)
        try await Tool.cpio.run(
            ["-o", "-H", "newc", "-R", "0:0", "--reproducible", "--quiet", "-D", tree, "-F", archive],
            input: names.map { "\($0)\n" }.joined())
    }

    /// Packs an agent's executable as /init, without its symbols.
    ///
    /// - Parameter directory: For what is made on the way; exists, and is the caller's to remove.
    func packAgent(_ executable: String, to archive: String, in directory: String) async throws {
        let tree = "\(directory)/agent"
        try FileTree.removeAll(tree)
        try FileTree.makeDirectory(tree, mode: 0o755)
        try await Tool.strip.run(["-s", "-o", "\(tree)/init", executable])
        try FileTree.setMode("\(tree)/init", 0o755)
        try await pack(tree, to: archive)
        try FileTree.removeAll(tree)
    }

    /// A directory stands before what is in it, as the kernel needs it.
    private static func collect(_ tree: String, prefix: String, into names: inout [String]) throws(Errno) {
        for name in try FileTree.names(at: "\(tree)/\(prefix)") {
            let path = prefix + name
            names.append(path)
            if try FileStatus(of: "\(tree)/\(path)", followingLinks: false).kind == .directory {
                try collect(tree, prefix: "\(path)/", into: &names)
            }
        }
    }
}
