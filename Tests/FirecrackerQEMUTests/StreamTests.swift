import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("Streams of limited devices")
struct StreamTests {
    private static let millisecond: UInt64 = 1_000_000
    private typealias Bucket = FirecrackerAPI.TokenBucket

    @Test("the console's bytes take a token each, the burst's first, and those without one are dropped")
    func console() throws {
        var limiter = try #require(ConsoleLimiter(Bucket(size: 100, refillTime: 1000, oneTimeBurst: 50), now: 0))
        #expect(limiter.admit(120, now: 0) == 120)
        #expect(limiter.admit(100, now: 0) == 30)
        #expect(limiter.admit(100, now: 500 * Self.millisecond) == 50)
        #expect(limiter.admit(1, now: 500 * Self.millisecond) == 0)
        #expect(limiter.admit(0, now: 500 * Self.millisecond) == 0)
        #expect(ConsoleLimiter(Bucket(size: 0, refillTime: 1), now: 0) == nil)
    }

    private func feed(bandwidth: Bucket? = nil, ops: Bucket? = nil, levels: LimiterLevels? = nil) -> EntropyFeed {
        EntropyFeed(RateLimiter(bandwidth: bandwidth, ops: ops), levels: levels, now: 0)
    }

    @Test("a request is granted whole, or waits for a tenth of a second")
    func requests() {
        var feed = feed(bandwidth: Bucket(size: 100, refillTime: 1000))
        #expect(feed.receive([2, 64, 2, 64, 2, 0]) == true)
        feed.closeRequest()
        #expect(feed.grant(now: 0) == 64)
        #expect(feed.deadline == 100 * Self.millisecond)
        #expect(feed.grant(now: 99 * Self.millisecond) == 0)
        // 46 of 64 have come by then.
        #expect(feed.grant(now: 100 * Self.millisecond) == 0)
        #expect(feed.grant(now: 300 * Self.millisecond) == 64)
        #expect(feed.deadline == nil)
        let counters = feed.takeCounters()
        #expect(counters.bytes == 128 && counters.throttles == 2 && counters.requests == 4)
    }

    @Test("a long request arrives in pieces and counts as one operation")
    func pieces() {
        var feed = feed(ops: Bucket(size: 2, refillTime: 10_000))
        #expect(feed.receive([2, 255, 2, 255, 2, 10, 2, 255]) == true)
        #expect(feed.grant(now: 0) == 520)
        #expect(feed.receive([2]) == true)
        #expect(feed.receive([255]) == true)
        feed.closeRequest()
        #expect(feed.grant(now: 0) == 510)
        #expect(feed.receive([2, 1]) == true)
        #expect(feed.grant(now: 0) == 0)
        #expect(feed.receive([7]) == false)
    }

    @Test("what waits takes no more memory than so many requests")
    func manyRequests() {
        var feed = feed(ops: Bucket(size: 1, refillTime: 1))
        for _ in 0..<3 * EntropyFeed.maximumRequests { _ = feed.receive([2, 8]) }
        var granted = 0
        var now: UInt64 = 0
        var grants = 0
        while granted < 3 * EntropyFeed.maximumRequests * 8, grants < 3 * EntropyFeed.maximumRequests {
            granted += feed.grant(now: now)
            now += 200 * Self.millisecond
            grants += 1
        }
        #expect(granted == 3 * EntropyFeed.maximumRequests * 8)
        #expect(grants <= EntropyFeed.maximumRequests + 1)
    }

    @Test("levels go on where they were")
    func levels() {
        var first = feed(
            bandwidth: Bucket(size: 100, refillTime: 1000, oneTimeBurst: 30), ops: Bucket(size: 9, refillTime: 1000))
        _ = first.receive([2, 20, 2, 50])
        #expect(first.grant(now: 0) == 70)
        let levels = first.levels(now: 400 * Self.millisecond)
        #expect(levels.bandwidth == .init(budget: 60, oneTimeBurst: 0, age: 400 * Self.millisecond))
        #expect(levels.operations?.budget == 7)
        #expect(LimiterLevels(levels.json) == levels)
        var second = feed(
            bandwidth: Bucket(size: 100, refillTime: 1000, oneTimeBurst: 30), ops: Bucket(size: 9, refillTime: 1000),
            levels: .init(bandwidth: .init(budget: 60, oneTimeBurst: 0, age: 0), operations: levels.operations))
        _ = second.receive([2, 61])
        #expect(second.grant(now: 0) == 0)
    }

    @Test("the thread relays the console up to the last byte, and never waits for a reader")
    func thread() throws {
        let streams = try #require(
            try DeviceStreams(
                console: Bucket(size: 1 << 20, refillTime: 1000),
                entropy: RateLimiter(ops: Bucket(size: 3, refillTime: 3_600_000))))
        let console = try Descriptor.duplicate(try #require(streams.consoleEnd))
        let entropy = try Descriptor.duplicate(try #require(streams.entropyEnd))
        let output = try Pipe()
        try streams.begin(output: output.write.rawValue)
        try entropy.writeAll([2, 10, 2, 20, 2, 30, 2, 40])
        var received = 0
        while received < 60 {
            var chunk = [UInt8](repeating: 0, count: 100)
            received += try chunk.withUnsafeMutableBytes { try entropy.read(into: $0) }
        }
        #expect(received == 60)
        // More than the pipe of the reader, who does not read, can hold.
        try console.writeAll([UInt8](repeating: 0x61, count: 200_000))
        try console.writeAll(Array("last".utf8))
        streams.drainAndStop()
        let counters = Dictionary(
            uniqueKeysWithValues: streams.takeCounters().map { ("\($0.group).\($0.name)", $0.value) })
        #expect(counters["uart.write_count"] == 65_536)
        #expect(counters["uart.missed_write_count"] == 200_004 - 65_536)
        #expect(counters["entropy.entropy_bytes"] == 60)
        #expect(counters["entropy.entropy_event_count"] == 4)
        #expect(streams.levels["entropy"]?.operations?.budget == 0)
    }
}
