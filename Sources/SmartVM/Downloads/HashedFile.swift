internal import Crypto
internal import Glibc
internal import Linux
internal import Synchronization

/// A file that is written from its beginning on, and whose SHA-256 grows with it: nothing has to be read again at its end.
///
/// Its methods keep their thread while the disk works: call them in ``BlockingWork``.
final class HashedFile: Sendable {
    private struct State: ~Copyable {
        let file: Descriptor
        var hash = SHA256()
        var size: Int64 = 0
    }

    let path: String
    private let state: Mutex<State>

    /// Pieces of zeros of this size become holes, so that an image that was sparse stays so.
    private static let pieceSize = 64 << 10

    /// Opens a file, or makes it; call ``reset()`` or ``adopt()`` before the first ``add(_:)``.
    init(path: String) throws(Errno) {
        self.path = path
        state = Mutex(State(file: try Descriptor.open(path, O_RDWR | O_CREAT)))
    }

    /// Bytes that were appended.
    var size: Int64 { state.withLock { $0.size } }

    /// In hexadecimal, of all that was appended.
    var sha256: String {
        state.withLock { state in
            let copy = state.hash
            return Checksum.hexadecimal(copy.finalize())
        }
    }

    /// Whether the file stands at the path that it was opened at, and not another one, or none.
    var isInPlace: Bool {
        let own = state.withLock { try? FileStatus(of: "/proc/self/fd/\($0.file.rawValue)") }
        guard let own, let there = try? FileStatus(of: path, followingLinks: false) else { return false }
        return own.device == there.device && own.inode == there.inode
    }

    /// Takes the lock on the file, if nobody else has it. It lasts as long as this value.
    func lock() throws(Errno) {
        let value = state.withLock { $0.file.rawValue }
        try systemCall { flock(value, LOCK_EX | LOCK_NB) }
    }

    /// Begins with an empty file.
    func reset() throws(Errno) {
        try mutate { state throws(Errno) in
            let value = state.file.rawValue
            try systemCall { ftruncate(value, 0) }
            (state.hash, state.size) = (SHA256(), 0)
        }
    }

    /// Takes what is in the file as appended.
    func adopt() throws(Errno) {
        try mutate { state throws(Errno) in
            (state.hash, state.size) = (SHA256(), 0)
            while true {
                let piece = try state.file.read(at: Int(state.size), upTo: 1 << 20)
                if piece.isEmpty { break }
                state.hash.update(data: piece)
                state.size += Int64(piece.count)
            }
        }
    }

    func add(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        try mutate { state throws(Errno) in
            var rest = bytes
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, Self.pieceSize)])
                // The pieces of one call are aligned to each other; a hole that misses the file system's blocks costs only space.
                if piece.count < Self.pieceSize || !Self.isZero(piece) { try Self.write(piece, state) }
                state.hash.update(bufferPointer: piece)
                state.size += Int64(piece.count)
                rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
            }
        }
    }

    /// Gives the file its length, even if it ends in a hole, and writes it to the disk.
    func seal() throws(Errno) {
        try mutate { state throws(Errno) in
            let (value, size) = (state.file.rawValue, state.size)
            try systemCall { ftruncate(value, off_t(size)) }
            try systemCall { fsync(value) }
        }
    }

    private static func write(_ piece: UnsafeRawBufferPointer, _ state: borrowing State) throws(Errno) {
        var written = 0
        while written < piece.count {
            let (value, start, offset) = (state.file.rawValue, written, off_t(state.size) + off_t(written))
            written += try systemCall {
                pwrite(value, piece.baseAddress.map { $0 + start }, piece.count - start, offset)
            }
        }
    }

    private static func isZero(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard let base = piece.baseAddress, piece[0] == 0 else { return piece.isEmpty }
        // Each byte equals the one before it.
        return memcmp(base, base + 1, piece.count - 1) == 0
    }

    private func mutate(_ body: (inout State) throws(Errno) -> Void) throws(Errno) {
        let result: Result<Void, Errno> = state.withLock { state in
            do throws(Errno) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
