internal import Crypto
internal import Glibc
internal import Linux
internal import Synchronization

/// SHA-256, in hexadecimal of lower case.
enum Checksum {
    /// Bytes that are read at a time: they stay in the processor's cache until they have been hashed.
    private static let pieceSize = 256 << 10

    /// Of a file. Keeps its thread until it is done.
    ///
    /// - Parameter piece: Called with the number of bytes after each piece; false ends it with `ECANCELED`.
    static func sha256(ofFile path: String, piece: (Int) -> Bool = { _ in true }) throws(Errno) -> String {
        let file = try Descriptor.open(path, O_RDONLY)
        posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_SEQUENTIAL)
        let result: Result<String, Errno> = withUnsafeTemporaryAllocation(byteCount: pieceSize, alignment: 4096) {
            buffer in
            var hash = SHA256()
            do throws(Errno) {
                while true {
                    let count = try file.read(into: buffer)
                    if count == 0 { return .success(hexadecimal(hash.finalize())) }
                    hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    guard piece(count) else { return .failure(Errno(rawValue: ECANCELED)) }
                }
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Of a file, on a thread that may wait; ends early when the task is cancelled.
    ///
    /// - Parameter progress: Called with the bytes that are done, each 16 MiB.
    static func sha256(
        ofFile path: String, progress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) async throws -> String {
        let isCancelled = Atomic(false)
        let digest = try await withTaskCancellationHandler {
            try await BlockingWork.run {
                var done: Int64 = 0
                var reported: Int64 = 0
                return Result { () throws(Errno) -> String in
                    try sha256(ofFile: path) { count in
                        done += Int64(count)
                        if done - reported >= 16 << 20 {
                            reported = done
                            progress(done)
                        }
                        return !isCancelled.load(ordering: .relaxed)
                    }
                }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
        try Task.checkCancellation()
        return try digest.get()
    }

    /// Of bytes in memory.
    static func sha256(of bytes: some Sequence<UInt8>) -> String {
        hexadecimal(SHA256.hash(data: Array(bytes)))
    }

    static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// A digest as somebody has written it down, in lower case; nil if it is not 64 hexadecimal digits.
    static func normalized(_ text: some StringProtocol) -> String? {
        let isHexadecimal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"):
                true
            default: false
            }
        }
        return isHexadecimal && text.utf8.count == 64 ? text.lowercased() : nil
    }
}
