internal import FirecrackerAPI

/// The rate limiter of one direction of an interface: bytes and frames, either or both.
///
/// As in Firecracker, one that has refused a frame lets nothing through for a tenth of a second, and its owner then tries that frame again.
/// It has no clock: times are nanoseconds of one that never goes back.
struct FrameLimiter: Hashable {
    /// For how long nothing is tried after a refusal.
    static let pause: UInt64 = 100_000_000

    private var bytes: RefillingBucket?
    private var frames: RefillingBucket?
    /// Nothing passes before.
    private(set) var blockedUntil: UInt64?

    /// - Parameters:
    ///   - configuration: Nil limits nothing.
    ///   - levels: Buckets without one are full.
    init(_ configuration: FirecrackerAPI.RateLimiter?, levels: LimiterLevels = LimiterLevels(), now: UInt64) {
        bytes = configuration?.bandwidth.flatMap { RefillingBucket($0, level: levels.bandwidth, now: now) }
        frames = configuration?.ops.flatMap { RefillingBucket($0, level: levels.operations, now: now) }
    }

    var limitsNothing: Bool { bytes == nil && frames == nil }

    /// Whether nothing is to be tried until ``expire(now:)`` has found that the time has come.
    var isBlocked: Bool { blockedUntil != nil }

    mutating func expire(now: UInt64) {
        if let end = blockedUntil, now >= end { blockedUntil = nil }
    }

    /// Whether a frame may pass now.
    mutating func admit(_ size: Int, now: UInt64) -> Bool {
        expire(now: now)
        guard !isBlocked, hasTaken(frames?.take(1, now: now), now: now) else { return false }
        guard hasTaken(bytes?.take(UInt64(size), now: now), now: now) else {
            frames?.giveBack(1)
            return false
        }
        return true
    }

    private mutating func hasTaken(_ outcome: RefillingBucket.Outcome?, now: UInt64) -> Bool {
        switch outcome {
        case nil, .taken?: return true
        case .overdrawn(let pause)?:
            blockedUntil = now.addingReportingOverflow(pause).overflow ? .max : now + pause
            return true
        case .refused?:
            blockedUntil = now + Self.pause
            return false
        }
    }

    /// Takes back what ``admit(_:now:)`` counted.
    mutating func giveBack(_ size: Int) {
        frames?.giveBack(1)
        bytes?.giveBack(UInt64(size))
    }

    /// Takes new buckets for those that are given, full, and lets frames try at once.
    mutating func update(_ change: FirecrackerAPI.RateLimiter, now: UInt64) {
        if let bandwidth = change.bandwidth { bytes = RefillingBucket(bandwidth, now: now) }
        if let ops = change.ops { frames = RefillingBucket(ops, now: now) }
        blockedUntil = nil
    }

    /// What is left, for a snapshot.
    func levels(now: UInt64) -> LimiterLevels {
        LimiterLevels(bandwidth: bytes?.level(now: now), operations: frames?.level(now: now))
    }
}
