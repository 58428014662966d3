internal import FirecrackerAPI

/// One budget of a rate limiter while it is used up and refilled: Firecracker's rule.
///
/// Tokens flow in all the time, `size` of them in the refill time, and at most `size` are kept. Those of the one-time burst are spent first
/// and never come back. An operation that is larger than the bucket is let through when it comes, empties it, and is paid for by a time
/// without any: else it could never be done.
struct RefillingBucket: Hashable {
    enum Outcome: Hashable {
        case taken
        /// Taken, but nothing more may be for as many nanoseconds.
        case overdrawn(pause: UInt64)
        case refused
    }

    private let size: UInt64
    /// Nanoseconds in which an empty bucket becomes full.
    private let refillTime: UInt64
    private var level: UInt64
    private var burst: UInt64
    /// When `level` was right.
    private var time: UInt64

    /// Full, or as full as `level` says. Nil if the configuration limits nothing.
    init?(_ configuration: FirecrackerAPI.TokenBucket, level saved: LimiterLevels.Bucket? = nil, now: UInt64) {
        guard let configuration = configuration.effective else { return nil }
        size = configuration.size
        refillTime = configuration.refillTime * 1_000_000
        level = min(size, saved?.budget ?? size)
        burst = min(configuration.oneTimeBurst ?? 0, saved?.oneTimeBurst ?? .max)
        time = now - min(now, saved?.age ?? 0)
    }

    /// Spends tokens, if there are enough.
    mutating func take(_ count: UInt64, now: UInt64) -> Outcome {
        var count = count
        if burst > 0 {
            if burst >= count {
                burst -= count
                // Nothing flows in during the burst.
                time = now
                return .taken
            }
            count -= burst
            burst = 0
        }
        if count > level {
            refill(now: now)
            if count > size {
                let debt = count - level
                level = 0
                let pause = debt.multipliedFullWidth(by: refillTime)
                return .overdrawn(pause: pause.high >= size ? .max : size.dividingFullWidth(pause).quotient)
            }
            if count > level { return .refused }
        }
        level -= count
        return .taken
    }

    /// Gives back what was taken for nothing.
    mutating func giveBack(_ count: UInt64) {
        if burst > 0 {
            burst = burst.addingReportingOverflow(count).overflow ? .max : burst + count
        } else {
            level = min(size, level.addingReportingOverflow(count).overflow ? size : level + count)
        }
    }

    private mutating func refill(now: UInt64) {
        guard now > time else { return }
        let elapsed = now - time
        guard elapsed < refillTime else {
            level = size
            time = now
            return
        }
        // Less than `size`, because less than the whole refill time has gone by.
        let tokens = refillTime.dividingFullWidth(elapsed.multipliedFullWidth(by: size)).quotient
        guard tokens > 0 else { return }
        // The time that those took, rounded up: the part of a token that is due stays due.
        let used = tokens.multipliedFullWidth(by: refillTime)
        let (quotient, remainder) = size.dividingFullWidth(used)
        time += quotient + (remainder > 0 ? 1 : 0)
        level = min(size, level.addingReportingOverflow(tokens).overflow ? size : level + tokens)
    }

    /// What is left, for a snapshot.
    func level(now: UInt64) -> LimiterLevels.Bucket {
        LimiterLevels.Bucket(budget: level, oneTimeBurst: burst, age: now > time ? now - time : 0)
    }
}
