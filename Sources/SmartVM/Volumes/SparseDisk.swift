internal import FirecrackerClient
internal import Linux

/// A disk that a guest writes to: a sparse file with an ext4 file system.
struct SparseDisk: Sendable {
    /// A file system with a journal needs so much.
    static let minimumSize: Int64 = 16 << 20

    let path: String

    /// Makes it, in place when it is complete and on the host's disk.
    ///
    /// - Parameter size: Bytes.
    func make(size: Int64) async throws {
        let temporary = "\(path).new"
        try? FileTree.remove(temporary)
        do {
            try await Tool.mke2fs.run([
                "-q", "-F", "-t", "ext4", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
                temporary,
                "\(size >> 10)k",
            ])
            let path = path
            try await BlockingWork.run {
                try File.synchronize(temporary)
                try File.move(temporary, to: path)
            }
        } catch {
            try? FileTree.remove(temporary)
            throw (error as? Errno).map { Self.failure($0, path) } ?? error
        }
    }

    private static func failure(_ error: Errno, _ path: String) -> SmartVMError {
        error == .noSpace
            ? .noSpace(at: path, underlying: error)
            : SmartVMError(
                .dataDirectoryUnusable, "The disk \(path) cannot be made: \(error).", underlying: error)
    }
}
