import FirecrackerAPI
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("The network device")
struct NetDeviceTests {
    private typealias Bench = NetDeviceBench

    @Test("carries frames of all sizes both ways, unchanged and in order", arguments: [false, true], 0..<4)
    func bothWays(merges: Bool, seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let bench = try Bench(merges: merges)
        let sizes = (0..<80).map { _ in
            [14, 60, 1514, 9014, 65_549, Int.random(in: 14...3000, using: &numbers)].randomElement(using: &numbers)
                ?? 60
        }
        let sent = sizes.enumerated().map { Bench.frame($1, $0) }
        var arrived: [[UInt8]] = []
        for frame in sent {
            bench.guestSends(frame, indirect: Bool.random(using: &numbers))
            if Bool.random(using: &numbers) { bench.turn() }
            if driverIsFull(bench) { bench.turn() }
            arrived += bench.hostFrames()
        }
        bench.turn()
        arrived += bench.hostFrames()
        #expect(arrived == sent)
        #expect(bench.driver.takeUsed(&bench.driver.transmit).count == sent.count)

        var received: [[UInt8]?] = []
        for frame in sent {
            let ring = bench.driver.receive
            bench.offerBuffers(
                (merges ? 100 : 4) - Int(ring.availableIndex &- ring.usedIndex), size: merges ? 1526 : 66_000)
            try bench.hostSends(frame)
            if Bool.random(using: &numbers) { bench.turn() }
            bench.turn()
            received += bench.guestFrames()
        }
        #expect(received == sent)
        let counters = bench.device.takeCounters().frames
        #expect(counters.sentFrames == 80 && counters.receivedFrames == 80 && counters.spoofedFrames == 0)
        #expect(counters.sentBytes == UInt64(sizes.reduce(0, +)) && counters.receivedBytes == counters.sentBytes)
    }

    private func driverIsFull(_ bench: Bench) -> Bool { bench.driver.transmit.nextDescriptor > 200 }

    @Test("passes on what is left to compute, both ways, and tells a driver how many buffers a frame has")
    func headers() throws {
        let bench = try Bench()
        // A checksum, and segments of 1,448 bytes of TCP over IPv4.
        let header: [UInt8] = [1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0]
        bench.guestSends(Bench.frame(9000), header: header)
        bench.turn()
        #expect(bench.hostFrames(header: 0).map { Array($0.prefix(12)) } == [header])
        bench.offerBuffers(4, size: 1000)
        try bench.host?.writeAll(header + Bench.frame(3000))
        bench.turn()
        #expect(bench.guestFrames(header: 0).first??.prefix(12) == (header[..<10] + [4, 0]))
        // A driver of before Virtio 1.
        let old = try Bench(merges: false)
        try old.perform(.setFeatures(0))
        old.guestSends(Bench.frame(60), header: Array(header[..<10]))
        old.offerBuffers(1, size: 2000)
        try old.hostSends(Bench.frame(70), header: 10)
        old.turn()
        #expect(old.hostFrames(header: 10) == [Bench.frame(60)])
        #expect(old.guestFrames(header: 10) == [Bench.frame(70)])
    }

    @Test("makes the guest wait, and drops nothing, while its limiter refuses")
    func sendLimiter() throws {
        let bench = try Bench(send: RateLimiter(ops: TokenBucket(size: 2, refillTime: 200)))
        bench.offerBuffers(1, size: 1000)
        for index in 0..<5 { bench.guestSends(Bench.frame(60, index)) }
        bench.turn()
        #expect(bench.hostFrames().count == 2)
        #expect(!bench.device.isBusy && bench.device.deadline == 100_000_000)
        bench.now = 99_999_999
        bench.turn()
        #expect(bench.hostFrames().isEmpty)
        bench.now = 100_000_000
        bench.turn()
        #expect(bench.hostFrames() == [Bench.frame(60, 2)])
        bench.device.updateLimiters(
            receive: nil, send: RateLimiter(ops: TokenBucket(size: 0, refillTime: 0)), now: bench.now)
        #expect(bench.device.isBusy)
        bench.turn()
        #expect(bench.hostFrames() == [Bench.frame(60, 3), Bench.frame(60, 4)])
        // Once more, because a notification may have been left out.
        #expect(!bench.device.isBusy && bench.device.deadline == 101_000_000)
        bench.now = 101_000_000
        bench.device.turn(service: &bench.service, now: bench.now)
        #expect(!bench.device.isBusy && bench.device.deadline == nil)
        #expect(bench.device.takeCounters().frames.sendThrottles == 2)
    }

    @Test("can be limited while it runs, and freed again")
    func lateLimiter() throws {
        let bench = try Bench()
        bench.offerBuffers(100, size: 2000)
        try bench.hostSends(Bench.frame(1000))
        bench.turn()
        #expect(bench.guestFrames().count == 1)
        bench.device.updateLimiters(
            receive: RateLimiter(bandwidth: TokenBucket(size: 3000, refillTime: 1000)), send: nil, now: 0)
        for index in 0..<4 { try bench.hostSends(Bench.frame(1000, index)) }
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(1000, 0), Bench.frame(1000, 1)])
        #expect(!bench.device.isBusy && bench.device.deadline == 100_000_000)
        bench.now = 100_000_000
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(1000, 2)])
        bench.device.updateLimiters(
            receive: RateLimiter(bandwidth: TokenBucket(size: 0, refillTime: 0)), send: nil, now: bench.now)
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(1000, 3)])
        #expect(bench.device.takeCounters().frames.receiveThrottles == 2)
    }

    @Test("takes requests to the metadata service out, in any size, and counts none of them against the guest")
    func metadata() throws {
        let bench = try Bench(send: RateLimiter(ops: TokenBucket(size: 1, refillTime: 60_000)), hasMetadata: true)
        bench.offerBuffers(100, size: 2000)
        // Checksums are left to the device.
        let header: [UInt8] = [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]
        for port in 1...3 {
            let syn = TCPSegment(from: UInt16(port), to: 80, sequence: 0, flags: [.syn], window: 1000)
            bench.guestSends(MetadataClient.frame(syn), header: header)
        }
        bench.guestSends(Bench.frame(60))
        try bench.hostSends(Bench.frame(100))
        bench.turn()
        #expect(bench.hostFrames() == [Bench.frame(60)])
        var frames = bench.guestFrames()
        #expect(frames.count == 4 && frames.last == Bench.frame(100))
        let answers = frames.prefix(3).compactMap { $0.flatMap { MetadataClient.segment(in: $0) } }
        #expect(answers.map(\.flags) == [TCPSegment.Flags](repeating: [.syn, .acknowledgment], count: 3))
        #expect(bench.device.deadline != nil)
        bench.device.updateLimiters(receive: nil, send: RateLimiter(ops: TokenBucket(size: 0, refillTime: 0)), now: 0)
        // More than the window, as one segment that is still to be cut: the beginning is taken.
        let first = try #require(answers.first { $0.destinationPort == 1 })
        let text = Array("GET /name HTTP/1.1\r\n\r\n".utf8)
        let large = TCPSegment(
            from: 1, to: 80, sequence: 1, acknowledged: first.sequence &+ 1, flags: [.acknowledgment], window: 60_000,
            payload: (text + [UInt8](repeating: 65, count: 60_000))[...])
        bench.guestSends(MetadataClient.frame(large), header: [1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0])
        bench.turn()
        frames = bench.guestFrames()
        let answer = try #require(frames.first.flatMap { $0 }.flatMap { MetadataClient.segment(in: $0) })
        #expect(
            answer.acknowledged == 2501 && String(decoding: answer.payload, as: UTF8.self).hasPrefix("HTTP/1.1 200"))

        let plain = try Bench()
        let syn = MetadataClient.frame(TCPSegment(from: 1, to: 80, sequence: 0, flags: [.syn]))
        plain.guestSends(syn)
        plain.turn()
        #expect(plain.hostFrames() == [syn])
    }

    @Test("lets the TAP wait while the guest gives no buffers, and asks it to notify")
    func slowGuest() throws {
        let bench = try Bench()
        func isSilent() -> Bool { bench.driver.get(bench.driver.receive.offset + 0x6000, as: UInt16.self) == 1 }
        bench.offerBuffers(3, size: 1000)
        for index in 0..<4 { try bench.hostSends(Bench.frame(1900, index)) }
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(1900, 0)])
        #expect(!isSilent() && !bench.device.isBusy && bench.device.held != nil)
        bench.offerBuffers(5, size: 1000)
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(1900, 1), Bench.frame(1900, 2), Bench.frame(1900, 3)])
        #expect(bench.device.held == nil)
    }

    @Test("does not try to answer a guest again and again that gives no buffers")
    func answersWithoutBuffers() throws {
        let bench = try Bench(hasMetadata: true)
        bench.offerBuffers(1, size: 1000)
        bench.guestSends(MetadataClient.frame(TCPSegment(from: 1, to: 80, sequence: 0, flags: [.syn], window: 1000)))
        bench.turn()
        #expect(bench.guestFrames().count == 1)
        bench.now = 10_000_000_000
        bench.turn()
        #expect(!bench.device.isBusy)
        bench.now += 1_000_000
        bench.turn()
        #expect(bench.device.deadline == nil && !bench.device.isBusy)
        bench.offerBuffers(1, size: 1000)
        bench.turn()
        #expect(bench.guestFrames().count == 1)
    }

    @Test("drops a frame that can never fit, and no other", arguments: [false, true])
    func tooLarge(merges: Bool) throws {
        let bench = try Bench(merges: merges, queueSize: 8)
        bench.offerBuffers(8, size: 1000)
        try bench.hostSends(Bench.frame(9000))
        try bench.hostSends(Bench.frame(100))
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(100)])
        #expect(bench.device.takeCounters().frames.receiveFailures == 1)
    }

    @Test("sends nothing that is too short or too long to be a frame, and gives its buffers back")
    func malformed() throws {
        let bench = try Bench()
        for count in 0..<14 { bench.guestSends([UInt8](repeating: 1, count: count)) }
        bench.guestSends(Bench.frame(70_000))
        bench.guestSends(Bench.frame(60))
        bench.turn()
        #expect(bench.hostFrames() == [Bench.frame(60)])
        #expect(bench.driver.takeUsed(&bench.driver.transmit).count == 16)
        #expect(bench.device.takeCounters().frames.malformedFrames == 15)
    }

    @Test("goes on where it was stopped, and loses and doubles nothing")
    func pause() throws {
        let bench = try Bench(send: RateLimiter(ops: TokenBucket(size: 2, refillTime: 200)))
        bench.offerBuffers(10, size: 1000)
        for index in 0..<4 { bench.guestSends(Bench.frame(60, index)) }
        try bench.hostSends(Bench.frame(100))
        bench.turn()
        #expect(bench.hostFrames() == [Bench.frame(60, 0), Bench.frame(60, 1)])
        let bases = try bench.stop()
        #expect(bases == [1, 2])
        try bench.hostSends(Bench.frame(101))
        bench.now = 1_000_000_000
        bench.turn()
        #expect(bench.hostFrames().isEmpty && bench.guestFrames() == [Bench.frame(100)])
        #expect(!bench.device.isBusy && bench.device.deadline == nil)
        try bench.begin(bases: bases)
        bench.turn()
        #expect(bench.hostFrames() == [Bench.frame(60, 2), Bench.frame(60, 3)])
        #expect(bench.guestFrames() == [Bench.frame(101)])
    }

    @Test("stands still after a ring that breaks a rule, until the driver begins anew")
    func brokenRing() throws {
        let bench = try Bench()
        bench.driver.put(UInt16(9999), bench.driver.transmit.offset + 0x4002)
        bench.turn()
        #expect(bench.device.isBroken && !bench.device.isBusy)
        try bench.hostSends(Bench.frame(60))
        bench.offerBuffers(1, size: 1000)
        bench.turn()
        #expect(bench.guestFrames().isEmpty)
        bench.driver.put(UInt16(0), bench.driver.transmit.offset + 0x4002)
        _ = try bench.stop()
        try bench.begin()
        bench.turn()
        #expect(bench.guestFrames() == [Bench.frame(60)])
    }

    @Test("refuses QEMU nothing that a guest can bring about")
    func hostileSetUp() throws {
        let bench = try Bench()
        for size in [0, 3, 100, 4096, UInt32.max] {
            _ = try bench.stop()
            try bench.perform(.setRingSize(queue: 1, size))
            try bench.perform(.setRingBase(queue: 1, 77))
            try bench.perform(.setRingAddresses(queue: 1, .init(descriptors: 1, available: 2, used: .max)))
            try bench.perform(.setBackend(queue: 1, true))
            bench.turn()
            #expect(!bench.device.isBusy)
        }
        try bench.perform(.setRingSize(queue: 1, 256))
        bench.turn()
        #expect(bench.device.isBroken)
    }

    @Test("outlives its TAP")
    func tapGone() throws {
        let bench = try Bench()
        bench.offerBuffers(1, size: 1000)
        bench.host = nil
        bench.guestSends(Bench.frame(60))
        bench.turn()
        bench.turn()
        let counters = bench.device.takeCounters().frames
        #expect(bench.device.isTapGone && counters.tapReadFailures == 1 && counters.tapWriteFailures == 1)
        #expect(!bench.device.isBusy && bench.driver.takeUsed(&bench.driver.transmit).count == 1)
    }
}
