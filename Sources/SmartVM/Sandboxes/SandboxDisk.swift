internal import FirecrackerClient
internal import Linux

/// The disk that a sandbox's own writes go to: a sparse file with an ext4 file system, which the guest lays over its image.
struct SandboxDisk: Sendable {
    /// A file system with a journal needs so much.
    static let minimumSize: Int64 = 16 << 20

    let path: String

    /// Makes it, in place when it is complete.
    func make(size: Int64) async throws {
        let temporary = "\(path).new"
        try? FileTree.remove(temporary)
        do {
            try await Tool.mke2fs.run([
                "-q", "-F", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
                temporary,
                "\(size >> 10)k",
            ])
            try File.move(temporary, to: path)
        } catch {
            try? FileTree.remove(temporary)
            throw error
        }
    }
}
