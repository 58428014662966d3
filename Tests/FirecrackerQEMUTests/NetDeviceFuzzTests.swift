import FirecrackerAPI
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("Hostile rings of the network device")
struct NetDeviceFuzzTests {
    /// The beginnings of this are frames.
    private static let pattern = NetDeviceBench.frame(70_000)

    private static func frame(_ count: Int) -> [UInt8] { Array(pattern.prefix(count)) }

    @Test("no bytes of the guest's harm it")
    func random() throws {
        let seed = Fuzzing.seed
        SignalMask.ignoreBrokenPipe()
        var numbers = SeededNumbers(seed: seed)
        func below(_ bound: Int) -> Int { .random(in: 0..<bound, using: &numbers) }
        var rounds = 0
        var frames: UInt64 = 0
        let deadline = ContinuousClock.now + Fuzzing.time
        while ContinuousClock.now < deadline {
            let limit = RateLimiter(
                bandwidth: TokenBucket(size: UInt64(1 + below(100_000)), refillTime: UInt64(1 + below(50))))
            let bench = try NetDeviceBench(
                receive: below(3) == 0 ? limit : nil, send: below(3) == 0 ? limit : nil, hasMetadata: below(2) == 0,
                merges: below(3) > 0, queueSize: [2, 16, 256][below(3)])
            for _ in 0..<30 {
                step(bench, &numbers)
                bench.now += UInt64(below(200_000_000))
                bench.turn()
                _ = bench.hostFrames()
                // What the device says of a frame's buffers holds as long as the ring is left as it was.
                _ = bench.driver.takeUsed(&bench.driver.receive)
                _ = bench.driver.takeUsed(&bench.driver.transmit)
                // Stopped, and set up again, at any place.
                if below(20) == 0 {
                    let bases = try bench.stop()
                    try bench.begin(bases: below(2) == 0 ? bases : [UInt16(below(65536)), UInt16(below(65536))])
                }
            }
            let counters = bench.device.takeCounters().frames
            frames += counters.sentFrames + counters.receivedFrames
            #expect(bench.device.held ?? 0 <= NetDevice.maximumFrame, "seed \(seed)")
            rounds += 1
        }
        #expect(frames > 0, "seed \(seed)")
        if Fuzzing.time > .seconds(1) { print("\(rounds) devices, \(frames) frames, seed \(seed)") }
    }

    /// The guest does something, and spoils something now and then.
    private func step(_ bench: NetDeviceBench, _ numbers: inout SeededNumbers) {
        func below(_ bound: Int) -> Int { .random(in: 0..<bound, using: &numbers) }
        let size = bench.driver.queueSize
        for _ in 0..<below(4) {
            var header = [UInt8](repeating: 0, count: 12)
            if below(2) == 0 { for index in header.indices { header[index] = UInt8(below(256)) } }
            if below(4) == 0 {
                let segment = TCPSegment(
                    from: UInt16(1 + below(5)), to: 80, sequence: UInt32(below(3)),
                    flags: .init(rawValue: UInt8(below(32))),
                    window: UInt16(below(65536)), payload: [UInt8](repeating: 10, count: below(3000))[...])
                bench.guestSends(MetadataClient.frame(segment), header: header, indirect: size < 16 || below(2) == 0)
            } else {
                bench.guestSends(
                    Self.frame([below(14), 60, below(3000), below(70_000)][below(4)]), header: header,
                    indirect: size < 16 || below(2) == 0)
            }
        }
        for _ in 0..<below(3) {
            bench.offerBuffers(1 + below(3), size: [1, 12, below(2000) + 1, 66_000][below(4)], indirect: below(3) == 0)
        }
        for _ in 0..<below(3) { try? bench.hostSends(Self.frame(14 + below(3000))) }
        guard below(6) == 0 else { return }
        let ring = [bench.driver.receive, bench.driver.transmit][below(2)].offset
        let value = [UInt64(below(1 << 20)) + TestDriver.guestBase, UInt64(below(1 << 16)), numbers.next()][below(3)]
        switch below(4) {
        case 0: bench.driver.put(UInt16(truncatingIfNeeded: value), ring + 0x4002)
        case 1: bench.driver.put(UInt16(truncatingIfNeeded: value), ring + 0x4004 + 2 * below(size))
        case 2: bench.driver.put(value, ring + 16 * below(size) + [0, 8][below(2)])
        default: bench.driver.put(value, 0x10000 + 8 * below(1000))
        }
    }
}
