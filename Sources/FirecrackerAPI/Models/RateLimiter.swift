/// One budget of a rate limiter.
public struct TokenBucket: WireModel {
    /// Tokens that it holds: bytes, or operations. 0: no limit.
    public var size: UInt64
    /// Tokens on top that are not refilled.
    public var oneTimeBurst: UInt64?
    /// Milliseconds in which an empty bucket becomes full. 0: no limit.
    public var refillTime: UInt64

    /// Each parameter sets the property of its name, which says what it means.
    public init(size: UInt64, refillTime: UInt64, oneTimeBurst: UInt64? = nil) {
        self.size = size
        self.oneTimeBurst = oneTimeBurst
        self.refillTime = refillTime
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "TokenBucketConfig", initial: TokenBucket(size: 0, refillTime: 0), ignoresUnknownFields: true,
        [
            .required("size", \.size),
            .optional("one_time_burst", \.oneTimeBurst),
            .required("refill_time", \.refillTime),
        ])
}

extension TokenBucket {
    /// The longest time in which a bucket can become full, in milliseconds: the nanoseconds are counted in 64 bits.
    public static let maximumRefillTime = UInt64.max / 1_000_000
}

/// Limits of a device.
public struct RateLimiter: WireModel {
    /// Bytes.
    public var bandwidth: TokenBucket?
    /// Operations.
    public var ops: TokenBucket?

    /// Each parameter sets the property of its name, which says what it means.
    public init(bandwidth: TokenBucket? = nil, ops: TokenBucket? = nil) {
        self.bandwidth = bandwidth
        self.ops = ops
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "RateLimiterConfig", initial: RateLimiter(),
        [
            .optional("bandwidth", \.bandwidth),
            .optional("ops", \.ops),
        ])
}
