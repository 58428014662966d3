import Glibc

/// The bytes that both ends of a test's connections know: see Tests/Guests/vsock-peer.c.
enum VsockPattern {
    private static let blockSize = 1_048_573

    /// Twice, so that any place of it goes on for a block.
    private static let block: [UInt8] = {
        var state: UInt64 = 88_172_645_463_325_252
        var block = [UInt8](repeating: 0, count: 2 * blockSize)
        block.withUnsafeMutableBufferPointer { block in
            for index in 0..<blockSize {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                block[index] = UInt8(truncatingIfNeeded: state)
                block[index + blockSize] = block[index]
            }
        }
        return block
    }()

    /// The bytes from `place` on, at most a block.
    static func withBytes<Result>(at place: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result
    {
        try block.withUnsafeBytes { block in
            let start = place % blockSize
            return try body(UnsafeRawBufferPointer(rebasing: block[start..<(start + min(count, blockSize))]))
        }
    }

    /// Whether bytes are those from `place` on.
    static func matches(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Bool {
        withBytes(at: place, count: bytes.count) { expected in
            guard expected.count == bytes.count, let one = expected.baseAddress, let other = bytes.baseAddress else {
                return bytes.isEmpty
            }
            return memcmp(one, other, bytes.count) == 0
        }
    }
}
