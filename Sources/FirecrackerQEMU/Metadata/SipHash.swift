/// A keyed hash of a few bytes that cannot be made without the key: SipHash-2-4 (Aumasson and Bernstein, 2012).
struct SipHash {
    private let key: (UInt64, UInt64)

    init(key: (UInt64, UInt64)) {
        self.key = key
    }

    /// The hash of `bytes`.
    func hash(_ bytes: [UInt8]) -> UInt64 {
        var state = State(
            a: key.0 ^ 0x736f_6d65_7073_6575, b: key.1 ^ 0x646f_7261_6e64_6f6d, c: key.0 ^ 0x6c79_6765_6e65_7261,
            d: key.1 ^ 0x7465_6462_7974_6573)
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word |= UInt64(byte) << UInt64(8 * (index % 8))
            if index % 8 == 7 {
                state.take(word)
                word = 0
            }
        }
        // The rest, and the length in the highest byte.
        state.take(word | UInt64(truncatingIfNeeded: bytes.count) << 56)
        return state.finish()
    }

    private struct State {
        var a: UInt64
        var b: UInt64
        var c: UInt64
        var d: UInt64

        mutating func take(_ word: UInt64) {
            d ^= word
            turn()
            turn()
            a ^= word
        }

        mutating func finish() -> UInt64 {
            c ^= 0xff
            for _ in 0..<4 { turn() }
            return a ^ b ^ c ^ d
        }

        private mutating func turn() {
            a &+= b
            c &+= d
            b = Self.rotated(b, 13) ^ a
            d = Self.rotated(d, 16) ^ c
            a = Self.rotated(a, 32)
            c &+= b
            a &+= d
            b = Self.rotated(b, 17) ^ c
            d = Self.rotated(d, 21) ^ a
            c = Self.rotated(c, 32)
        }

        private static func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
            value << count | value >> (64 - count)
        }
    }
}
