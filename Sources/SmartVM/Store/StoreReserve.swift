internal import Glibc
internal import Linux

/// Room on the disk that is kept for the database.
///
/// Theory of operation. To remove a VM, which is what frees a full disk, a row must be changed and another deleted, and for that SQLite needs
/// room for its journal; even to read it needs 32 KiB for the journal's index. So a file beside the database takes that room while there is
/// some. When SQLite finds none, the file is emptied and SQLite tries again; when the database has been closed, and its journal is gone
/// with it, the file is filled again. Between the two somebody else may be quicker to take the room: then the command fails with `NO_SPACE`,
/// and has changed nothing. New VMs do not get the reserve.
struct StoreReserve: Sendable {
    /// Bytes: the journal's index, and some transactions of a few pages each.
    static let size = 512 << 10

    let path: String

    /// Gives the room to whoever takes it first.
    ///
    /// - Returns: Whether there was any.
    func release() -> Bool {
        guard let allocated = try? FileStatus(of: path).allocated, allocated > 0,
            let file = try? Descriptor.open(path, O_WRONLY)
        else { return false }
        return (try? SparseFile.setSize(0, of: file.rawValue)) != nil
    }

    /// Takes the room unless it has it. Where there is none, the next one will try it again.
    func fill() {
        if let status = try? FileStatus(of: path), status.size >= Self.size { return }
        guard let file = try? Descriptor.open(path, O_WRONLY | O_CREAT) else { return }
        if posix_fallocate(file.rawValue, 0, off_t(Self.size)) != 0 {
            try? SparseFile.setSize(0, of: file.rawValue)
        }
    }

    /// Whether the file system has so little room that this is a reason to fail.
    var isDiskFull: Bool {
        let directory = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] + "/"
        guard let space = try? FileSystemSpace(at: String(directory)) else { return false }
        return space.available < Int64(Self.size)
    }
}
