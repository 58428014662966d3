/// What can be told of a page's content.
enum PageContent {
    /// Whether all bytes are 0. The page is aligned and a multiple of 64 bytes long.
    static func isZero(_ page: UnsafeRawBufferPointer) -> Bool {
        page.withMemoryRebound(to: UInt64.self) { words in
            var index = 0
            while index < words.count {
                // Eight without a branch between them.
                let low = words[index] | words[index + 1] | words[index + 2] | words[index + 3]
                let high = words[index + 4] | words[index + 5] | words[index + 6] | words[index + 7]
                if low | high != 0 { return false }
                index += 8
            }
            return true
        }
    }

    /// A number, never 0, that two contents have in common by chance only: as seldom as 64 bits allow, since nobody knows the seed.
    static func fingerprint(_ page: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        page.withMemoryRebound(to: UInt64.self) { words in
            // Four at a time, which do not wait for each other.
            var lanes = (seed, seed &+ 0x9e37_79b9_7f4a_7c15, ~seed, seed &* 0xff51_afd7_ed55_8ccd | 1)
            var index = 0
            while index + 4 <= words.count {
                lanes.0 = mix(lanes.0, words[index])
                lanes.1 = mix(lanes.1, words[index + 1])
                lanes.2 = mix(lanes.2, words[index + 2])
                lanes.3 = mix(lanes.3, words[index + 3])
                index += 4
            }
            return mix(mix(lanes.0, lanes.1), mix(lanes.2, lanes.3)) | 1
        }
    }

    @inline(__always)
    private static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let (high, low) = (state ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return high ^ low
    }
}
