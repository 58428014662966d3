import FirecrackerAPI
import Testing

@testable import FirecrackerQEMU

@Suite("Rate limiters of the network")
struct FrameLimiterTests {
    private static let millisecond: UInt64 = 1_000_000

    private func bucket(_ size: UInt64, _ refill: UInt64, burst: UInt64? = nil) throws -> RefillingBucket {
        try #require(
            RefillingBucket(FirecrackerAPI.TokenBucket(size: size, refillTime: refill, oneTimeBurst: burst), now: 0))
    }

    @Test("a bucket gives what it holds, and what has flowed in since")
    func refill() throws {
        var bucket = try bucket(1000, 1000)
        #expect(bucket.take(1000, now: 0) == .taken)
        #expect(bucket.take(1, now: 0) == .refused)
        #expect(bucket.take(250, now: 249 * Self.millisecond) == .refused)
        #expect(bucket.take(250, now: 250 * Self.millisecond) == .taken)
        #expect(bucket.take(1, now: 250 * Self.millisecond) == .refused)
        // Never more than it holds.
        #expect(bucket.take(1000, now: 99_000 * Self.millisecond) == .taken)
        #expect(bucket.take(1, now: 99_000 * Self.millisecond) == .refused)
    }

    @Test("the burst is spent first and once, and nothing flows in during it")
    func burst() throws {
        var bucket = try bucket(100, 1000, burst: 50)
        #expect(bucket.take(30, now: 500 * Self.millisecond) == .taken)
        #expect(bucket.take(60, now: 500 * Self.millisecond) == .taken)
        #expect(bucket.take(61, now: 500 * Self.millisecond) == .refused)
        #expect(bucket.take(60, now: 500 * Self.millisecond) == .taken)
        #expect(bucket.take(51, now: 900 * Self.millisecond) == .refused)
        #expect(bucket.take(100, now: 5000 * Self.millisecond) == .taken)
        #expect(bucket.take(1, now: 5000 * Self.millisecond) == .refused)
    }

    @Test("what is larger than the bucket passes and is paid for by a pause")
    func overdraft() throws {
        var bucket = try bucket(1000, 100)
        #expect(bucket.take(2500, now: 0) == .overdrawn(pause: 150 * Self.millisecond))
        #expect(bucket.take(1, now: 0) == .refused)
        var tiny = try self.bucket(1, 1000)
        #expect(tiny.take(.max, now: 0) == .overdrawn(pause: .max))
    }

    @Test("what is given back is there again")
    func giveBack() throws {
        var bucket = try bucket(10, 1000)
        #expect(bucket.take(10, now: 0) == .taken)
        bucket.giveBack(4)
        #expect(bucket.take(5, now: 0) == .refused)
        #expect(bucket.take(4, now: 0) == .taken)
        bucket.giveBack(.max)
        #expect(bucket.take(11, now: 0) != .taken)
    }

    @Test("numbers at the ends of their range do no harm", arguments: 0..<200)
    func extremes(seed: UInt64) {
        var generator = SeededNumbers(seed: seed)
        func number() -> UInt64 {
            let values: [UInt64] = [0, 1, 2, 1000, UInt64(Int64.max), .max, .random(in: 0 ... .max, using: &generator)]
            return values.randomElement(using: &generator) ?? 0
        }
        let configuration = FirecrackerAPI.TokenBucket(size: number(), refillTime: number(), oneTimeBurst: number())
        guard var bucket = RefillingBucket(configuration, now: 0) else { return }
        var now: UInt64 = 0
        for _ in 0..<100 {
            now = max(now, Bool.random(using: &generator) ? number() >> 2 : now &+ number() >> 40)
            _ = bucket.take(number(), now: now)
            if Bool.random(using: &generator) { bucket.giveBack(number()) }
        }
    }

    @Test("nothing is tried for a tenth of a second after a refusal")
    func pause() {
        var limiter = FrameLimiter(
            RateLimiter(
                bandwidth: TokenBucket(size: 1000, refillTime: 100), ops: TokenBucket(size: 5, refillTime: 1000)),
            now: 0)
        #expect(limiter.admit(900, now: 0) == true)
        #expect(limiter.admit(200, now: 0) == false)
        #expect(limiter.blockedUntil == 100 * Self.millisecond)
        #expect(limiter.admit(1, now: 99 * Self.millisecond) == false)
        #expect(limiter.admit(200, now: 100 * Self.millisecond) == true)
        // The refused ones took no operation: three are left, and the fraction that has flowed in.
        for _ in 0..<3 { #expect(limiter.admit(1, now: 101 * Self.millisecond) == true) }
        #expect(limiter.admit(1, now: 101 * Self.millisecond) == false)
    }

    @Test("a change replaces the buckets that it names, and lets frames try at once")
    func update() {
        var limiter = FrameLimiter(RateLimiter(bandwidth: TokenBucket(size: 10, refillTime: 10_000)), now: 0)
        #expect(limiter.admit(10, now: 0) == true)
        #expect(limiter.admit(10, now: 0) == false)
        limiter.update(RateLimiter(ops: TokenBucket(size: 1, refillTime: 10_000)), now: 0)
        #expect(limiter.admit(10, now: 0) == false)
        limiter.update(RateLimiter(bandwidth: TokenBucket(size: 0, refillTime: 0)), now: 0)
        #expect(limiter.admit(1 << 20, now: 0) == true)
        #expect(limiter.admit(1, now: 0) == false)
        limiter.update(RateLimiter(ops: TokenBucket(size: 0, refillTime: 1)), now: 0)
        #expect(limiter.limitsNothing)
        #expect(limiter.admit(1 << 20, now: 0) == true)
    }

    @Test(
        "over a long time the rate is what was configured", arguments: [(1_000_000, 1000), (100_000, 100), (65536, 50)])
    func longRun(size: Int, milliseconds: Int) {
        let rate = Double(size) / Double(milliseconds)
        var limiter = FrameLimiter(
            RateLimiter(bandwidth: TokenBucket(size: UInt64(size), refillTime: UInt64(milliseconds))), now: 0)
        var now: UInt64 = 0
        var bytes = 0
        while now < 20_000 * Self.millisecond {
            if limiter.admit(1514, now: now) { bytes += 1514 } else { now = limiter.blockedUntil ?? now + 1 }
        }
        // A bucket that is full before it is tried again loses what would have flowed in: the rule's own imprecision.
        let limit = rate * 20_000
        #expect(Double(bytes) <= limit * 1.06 && Double(bytes) >= limit * (milliseconds < 100 ? 0.4 : 0.9))
    }

    @Test("goes on with what was left in its buckets, by another clock too")
    func levels() {
        let configuration = RateLimiter(
            bandwidth: TokenBucket(size: 1000, refillTime: 1000, oneTimeBurst: 300),
            ops: TokenBucket(size: 9, refillTime: 9000))
        var limiter = FrameLimiter(configuration, now: 0)
        #expect(limiter.admit(200, now: 0) && limiter.admit(600, now: 0))
        let levels = limiter.levels(now: 250 * Self.millisecond)
        #expect(levels.bandwidth == .init(budget: 500, oneTimeBurst: 0, age: 250 * Self.millisecond))
        #expect(levels.operations == .init(budget: 7, oneTimeBurst: 0, age: 250 * Self.millisecond))
        let start = 77_000 * Self.millisecond
        var restored = FrameLimiter(configuration, levels: levels, now: start)
        #expect(restored.admit(750, now: start) == true)
        #expect(restored.admit(1, now: start) == false)
        // No more than there is room for, and buckets that nothing is known of are full.
        let much = LimiterLevels(bandwidth: .init(budget: .max, oneTimeBurst: .max, age: .max))
        let full = FrameLimiter(configuration, levels: much, now: 5)
        #expect(full.levels(now: 5).bandwidth == .init(budget: 1000, oneTimeBurst: 300, age: 5))
        #expect(full.levels(now: 5).operations?.budget == 9)
    }
}
