internal import FirecrackerAPI

/// The limit of the serial console's output: each byte takes a token, and one for which there is none is dropped, as by Firecracker.
/// A guest that prints without end neither waits nor fills a disk.
struct ConsoleLimiter {
    private var bucket: RefillingBucket

    /// Full. Nil if the configuration limits nothing.
    init?(_ configuration: FirecrackerAPI.TokenBucket, now: UInt64) {
        guard let bucket = RefillingBucket(configuration, now: now) else { return nil }
        self.bucket = bucket
    }

    /// How many of the next `count` bytes may pass: the first ones.
    mutating func admit(_ count: Int, now: UInt64) -> Int {
        // Of bytes that are there at the same time none passes after one that did not.
        for passed in 0..<count where bucket.take(1, now: now) != .taken { return passed }
        return count
    }
}
