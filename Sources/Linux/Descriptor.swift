internal import CLinux
internal import Glibc

/// An open file descriptor with one owner: closed when it goes out of scope.
public struct Descriptor: ~Copyable, Sendable {
    /// For system calls made while the owner lives.
    public let rawValue: Int32

    /// Takes over a descriptor that nobody else will close.
    public init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    deinit {
        close(rawValue)
    }

    /// Gives the descriptor away: the caller closes it.
    public consuming func take() -> Int32 {
        let value = rawValue
        discard self
        return value
    }
}

extension Descriptor {
    /// open(2), always close-on-exec.
    ///
    /// - Parameters:
    ///   - flags: `O_RDONLY` and so on, of fcntl(2).
    ///   - mode: Permissions of a file that is made (the umask applies).
    public static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(Errno) -> Descriptor {
        Descriptor(owning: try systemCall { clinux_open(path, flags | O_CLOEXEC, mode) })
    }

    /// openat(2), always close-on-exec, relative to this directory.
    public borrowing func open(at path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(Errno) -> Descriptor {
        let directory = rawValue
        return Descriptor(owning: try systemCall { clinux_openat(directory, path, flags | O_CLOEXEC, mode) })
    }

    /// A second descriptor of the same open file, close-on-exec.
    public borrowing func duplicate() throws(Errno) -> Descriptor {
        let value = rawValue
        return Descriptor(owning: try systemCall { clinux_fcntl(value, F_DUPFD_CLOEXEC, 3) })
    }

    /// A descriptor of its own, close-on-exec, for an open file that somebody else owns.
    public static func duplicate(_ rawValue: Int32) throws(Errno) -> Descriptor {
        Descriptor(owning: try systemCall { clinux_fcntl(rawValue, F_DUPFD_CLOEXEC, 3) })
    }

    /// Whether reads and writes answer `wouldBlock` instead of waiting.
    public borrowing func setNonBlocking(_ enabled: Bool = true) throws(Errno) {
        let value = rawValue
        let flags = try systemCall { clinux_fcntl(value, F_GETFL, 0) }
        let wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        if wanted != flags { try systemCall { clinux_fcntl(value, F_SETFL, Int(wanted)) } }
    }

    /// read(2): the number of bytes, 0 at the end.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let value = rawValue
        return try systemCall { Glibc.read(value, buffer.baseAddress, buffer.count) }
    }

    /// write(2): the number of bytes taken, which may be fewer than given.
    public borrowing func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let value = rawValue
        return try systemCall { Glibc.write(value, buffer.baseAddress, buffer.count) }
    }

    /// write(2) of bytes: how many were taken.
    public borrowing func writeSome(_ bytes: [UInt8]) throws(Errno) -> Int {
        let value = rawValue
        return try systemCall { bytes.withUnsafeBytes { Glibc.write(value, $0.baseAddress, $0.count) } }
    }

    /// Writes everything to a descriptor that blocks.
    public borrowing func writeAll(_ buffer: UnsafeRawBufferPointer) throws(Errno) {
        var rest = buffer
        while !rest.isEmpty {
            rest = UnsafeRawBufferPointer(rebasing: rest[(try write(rest))...])
        }
    }

    /// Writes everything to a descriptor that blocks.
    public borrowing func writeAll(_ bytes: [UInt8]) throws(Errno) {
        var offset = 0
        while offset < bytes.count {
            let value = rawValue
            let start = offset
            offset += try systemCall {
                bytes.withUnsafeBytes { Glibc.write(value, $0.baseAddress.map { $0 + start }, $0.count - start) }
            }
        }
    }

    /// Reads to the end, refusing more than `limit` bytes with `E2BIG`.
    public borrowing func readAll(limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
        let value = rawValue
        // Small files, which most are, then cost no memory that was never touched before.
        let result: Result<[UInt8], Errno> = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { first in
            var bytes: [UInt8] = []
            var chunk: [UInt8] = []
            do throws(Errno) {
                while true {
                    let count: Int
                    if bytes.count < first.count {
                        count = try systemCall { Glibc.read(value, first.baseAddress, first.count) }
                        bytes.append(contentsOf: first.prefix(count))
                    } else {
                        if chunk.isEmpty { chunk = [UInt8](repeating: 0, count: 256 << 10) }
                        count = try systemCall {
                            chunk.withUnsafeMutableBytes { Glibc.read(value, $0.baseAddress, $0.count) }
                        }
                        bytes.append(contentsOf: chunk.prefix(count))
                    }
                    if count == 0 { return .success(bytes) }
                    if bytes.count > limit { return .failure(.argumentListTooLong) }
                }
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Reads `count` bytes from `offset` on, or as many as there are. The position of the descriptor stays.
    public borrowing func read(at offset: Int, upTo count: Int) throws(Errno) -> [UInt8] {
        let value = rawValue
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let start = filled
            let got = try systemCall {
                bytes.withUnsafeMutableBytes {
                    pread(value, $0.baseAddress.map { $0 + start }, count - start, off_t(offset + start))
                }
            }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(count - filled)
        return bytes
    }
}
