import FirecrackerAPI
import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

/// A relay between sockets of this process: one is QEMU's, and one, which keeps messages apart as a TAP does, the host's.
@Suite("The relay of frames")
struct FrameRelayTests {
    final class Bench {
        let relay: FrameRelay
        let guest: Descriptor
        let host: Descriptor
        var service: MetadataService
        var now: UInt64 = 0
        private var pending: [UInt8] = []

        init(receive: RateLimiter? = nil, send: RateLimiter? = nil, hasMetadata: Bool = false) throws {
            let guestEnds = try SocketPair()
            var ends: [Int32] = [-1, -1]
            try systemCall { socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) }
            host = Descriptor(owning: ends[0])
            let tap = Descriptor(owning: ends[1])
            guest = guestEnds.first
            for value in [ends[0], ends[1], guest.rawValue] { _ = fcntl(value, F_SETFL, O_NONBLOCK) }
            service = try MetadataServiceTests.service()
            relay = FrameRelay(
                FrameRelay.Configuration(
                    tap: SharedDescriptor(tap), guest: SharedDescriptor(guestEnds.second),
                    macAddress: "02:00:00:00:00:07", metadataAddress: hasMetadata ? "169.254.169.254" : nil,
                    receiveLimiter: receive, sendLimiter: send), now: 0)
        }

        func turn() { relay.turn(service: &service, now: now) }

        /// As QEMU writes a frame.
        static func coded(_ frame: [UInt8]) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.append(bigEndian: UInt32(frame.count))
            return bytes + frame
        }

        /// What the host's TAP has got: whole frames, whose headers must be zero.
        func hostFrames() -> [[UInt8]?] {
            var frames: [[UInt8]?] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 17)
            while case let count = recv(host.rawValue, &buffer, buffer.count, 0), count > 0 {
                let isPlain = count > 10 && buffer[..<10].allSatisfy { $0 == 0 }
                frames.append(isPlain ? Array(buffer[10..<count]) : nil)
            }
            return frames
        }

        func hostSends(_ frame: [UInt8]) throws {
            try host.writeAll([UInt8](repeating: 0, count: 10) + frame)
        }

        /// What QEMU has got.
        func guestFrames() -> [[UInt8]] {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while case let count = recv(guest.rawValue, &buffer, buffer.count, 0), count > 0 {
                pending += buffer[..<count]
            }
            var frames: [[UInt8]] = []
            while pending.count >= 4, case let length = Int(pending[...].integer(0, as: UInt32.self)),
                pending.count >= 4 + length
            {
                frames.append(Array(pending[4..<(4 + length)]))
                pending.removeFirst(4 + length)
            }
            return frames
        }
    }

    private static func frame(_ count: Int, _ seed: Int = 0) -> [UInt8] {
        [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 7]
            + (12..<max(12, count)).map { UInt8(truncatingIfNeeded: $0 &* 7 + seed) }
    }

    @Test("carries frames of all sizes both ways, unchanged and in order, however they are cut", arguments: 0..<6)
    func bothWays(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let bench = try Bench()
        let sizes = (0..<60).map { _ in [14, 60, 1514, 9014, 65_549, Int.random(in: 14...3000)].randomElement() ?? 60 }
        let sent = sizes.enumerated().map { Self.frame($1, $0) }
        var stream = sent.flatMap { Bench.coded($0) }[...]
        var arrived: [[UInt8]?] = []
        while !stream.isEmpty {
            let piece = stream.prefix(.random(in: 1...40_000, using: &numbers))
            let bytes = Array(piece)
            let count = send(bench.guest.rawValue, bytes, bytes.count, 0)
            if count > 0 { stream = stream.dropFirst(count) }
            bench.turn()
            arrived += bench.hostFrames()
        }
        #expect(arrived == sent)

        var received: [[UInt8]] = []
        for frame in sent {
            try bench.hostSends(frame)
            if Bool.random(using: &numbers) { bench.turn() }
            if Int.random(in: 0..<5, using: &numbers) == 0 { received += bench.guestFrames() }
            // A TAP's queue is as long as a socket's.
            while bench.relay.tapInterest.isEmpty {
                received += bench.guestFrames()
                bench.turn()
            }
            bench.turn()
        }
        for _ in 0..<100 where received.count < sent.count {
            bench.turn()
            received += bench.guestFrames()
        }
        #expect(received == sent)
        let counters = bench.relay.takeCounters().frames
        #expect(counters.sentFrames == 60 && counters.receivedFrames == 60 && counters.spoofedFrames == 0)
        #expect(counters.sentBytes == UInt64(sizes.reduce(0, +)) && counters.receivedBytes == counters.sentBytes)
    }

    @Test("makes the guest wait, and drops nothing, while its limiter refuses")
    func sendLimiter() throws {
        let bench = try Bench(send: RateLimiter(ops: TokenBucket(size: 2, refillTime: 200)))
        for index in 0..<5 { try bench.guest.writeAll(Bench.coded(Self.frame(60, index))) }
        bench.turn()
        #expect(bench.hostFrames().count == 2)
        #expect(bench.relay.guestInterest.isEmpty && bench.relay.deadline == 100_000_000)
        bench.now = 99_999_999
        bench.turn()
        #expect(bench.hostFrames().isEmpty)
        bench.now = 100_000_000
        bench.turn()
        #expect(bench.hostFrames() == [Self.frame(60, 2)])
        bench.relay.updateLimiters(
            receive: nil, send: RateLimiter(ops: TokenBucket(size: 0, refillTime: 0)), now: bench.now)
        bench.turn()
        #expect(bench.hostFrames() == [Self.frame(60, 3), Self.frame(60, 4)])
        #expect(bench.relay.guestInterest == .readable && bench.relay.deadline == nil)
        #expect(bench.relay.takeCounters().frames.sendThrottles == 2)
    }

    @Test("leaves frames in the TAP, but for one, while the guest's limiter refuses")
    func receiveLimiter() throws {
        let bench = try Bench(receive: RateLimiter(bandwidth: TokenBucket(size: 3000, refillTime: 1000)))
        for index in 0..<4 { try bench.hostSends(Self.frame(1000, index)) }
        bench.turn()
        #expect(bench.guestFrames() == [Self.frame(1000, 0), Self.frame(1000, 1)])
        #expect(bench.relay.tapInterest.isEmpty && bench.relay.deadline == 100_000_000)
        bench.now = 100_000_000
        bench.turn()
        #expect(bench.guestFrames() == [Self.frame(1000, 2)])
        bench.now = 1_000_000_000
        bench.turn()
        #expect(bench.guestFrames() == [Self.frame(1000, 3)])
        #expect(bench.relay.tapInterest == .readable)
    }

    @Test("takes requests to the metadata service out, and counts none of them against the guest")
    func metadata() throws {
        let bench = try Bench(send: RateLimiter(ops: TokenBucket(size: 1, refillTime: 60_000)), hasMetadata: true)
        for port in 1...3 {
            let syn = TCPSegment(from: UInt16(port), to: 80, sequence: 0, flags: [.syn], window: 1000)
            try bench.guest.writeAll(Bench.coded(MetadataClient.frame(syn)))
        }
        try bench.guest.writeAll(Bench.coded(Self.frame(60)))
        try bench.hostSends(Self.frame(100))
        bench.turn()
        #expect(bench.hostFrames() == [Self.frame(60)])
        let frames = bench.guestFrames()
        #expect(frames.count == 4 && frames.last == Self.frame(100))
        #expect(frames.prefix(3).allSatisfy { MetadataClient.segment(in: $0)?.flags == [.syn, .acknowledgment] })
        #expect(bench.relay.deadline != nil)
        let plain = try Bench()
        let syn = MetadataClient.frame(TCPSegment(from: 1, to: 80, sequence: 0, flags: [.syn]))
        try plain.guest.writeAll(Bench.coded(syn))
        plain.turn()
        #expect(plain.hostFrames() == [syn])
    }

    @Test("lets the TAP wait while the guest takes nothing")
    func slowGuest() throws {
        let bench = try Bench()
        var sent = 0
        while sent < 2000 {
            let bytes = [UInt8](repeating: 0, count: 10) + Self.frame(1514, sent)
            if send(bench.host.rawValue, bytes, bytes.count, 0) < 0 {
                if bench.relay.tapInterest.isEmpty { break }
            } else {
                sent += 1
            }
            bench.turn()
        }
        #expect(sent < 2000 && bench.relay.guestInterest.contains(.writable))
        var received: [[UInt8]] = []
        for _ in 0..<2000 where received.count < sent {
            received += bench.guestFrames()
            bench.turn()
        }
        #expect(received == (0..<sent).map { Self.frame(1514, $0) })
    }

    @Test("ends with QEMU, and with a length that is none")
    func ends() throws {
        let bench = try Bench()
        try bench.guest.writeAll([0xff, 0xff, 0xff, 0xff, 1, 2, 3])
        bench.turn()
        #expect(bench.relay.isClosed)
        let other = try Bench()
        shutdown(other.guest.rawValue, Int32(SHUT_WR))
        other.turn()
        #expect(other.relay.isClosed)
        let short = try Bench()
        for count in 0..<14 { try short.guest.writeAll(Bench.coded([UInt8](repeating: 1, count: count))) }
        short.turn()
        #expect(short.hostFrames().isEmpty && !short.relay.isClosed)
        #expect(short.relay.takeCounters().frames.malformedFrames == 14)
    }
}
