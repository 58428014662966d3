public import FirecrackerAPI

extension TokenBucket {
    /// Nil if the bucket limits nothing: a size or a time of 0, or so much that it cannot be counted.
    public var effective: TokenBucket? {
        guard size > 0, refillTime > 0, refillTime <= Self.maximumRefillTime else {
            return nil
        }
        return TokenBucket(size: size, refillTime: refillTime, oneTimeBurst: oneTimeBurst == 0 ? nil : oneTimeBurst)
    }
}

extension RateLimiter {
    /// Nil if neither bucket limits anything.
    public var effective: RateLimiter? {
        let effective = RateLimiter(bandwidth: bandwidth?.effective, ops: ops?.effective)
        return effective.bandwidth == nil && effective.ops == nil ? nil : effective
    }

    /// This limiter after a PATCH: a bucket that is given takes the place of its own.
    public func updated(by update: RateLimiter) -> RateLimiter {
        RateLimiter(bandwidth: update.bandwidth ?? bandwidth, ops: update.ops ?? ops)
    }
}
