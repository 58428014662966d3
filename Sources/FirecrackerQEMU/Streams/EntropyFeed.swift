internal import FirecrackerAPI

/// What the guest's entropy device asks for, under a rate limiter: Firecracker's rule, by which a request takes one operation and its bytes,
/// and waits for a tenth of a second when there is too little of either.
///
/// QEMU asks as clients of the Entropy Gathering Daemon do: 0x02, then how many bytes, at most 255. A longer request of the guest arrives as
/// several messages, all but the last of 255, and counts as one. Nothing here has a clock or reads a socket.
struct EntropyFeed {
    private enum Parser {
        case command, length
    }

    private var limiter: FrameLimiter
    private var parser = Parser.command
    /// The bytes of a request whose last message may be yet to come.
    private var open = 0
    /// What has been asked for and not been granted, in order, from `next` on.
    private var requests: [Int] = []
    private var next = 0
    private(set) var counters = Counters()

    /// By the names of Firecracker's metrics.
    struct Counters: Hashable {
        var requests: UInt64 = 0
        var bytes: UInt64 = 0
        var throttles: UInt64 = 0
        var limiterEvents: UInt64 = 0
        var failures: UInt64 = 0
    }

    /// More requests than these wait as one, so that no guest can fill this process's memory.
    static let maximumRequests = 4096
    private static let longestMessage = 255

    init(_ configuration: FirecrackerAPI.RateLimiter, levels: LimiterLevels? = nil, now: UInt64) {
        limiter = FrameLimiter(configuration, levels: levels ?? LimiterLevels(), now: now)
    }

    func levels(now: UInt64) -> LimiterLevels { limiter.levels(now: now) }

    /// Takes in what QEMU has sent. False if that is no request.
    mutating func receive(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in bytes {
            switch parser {
            case .command:
                guard byte == 2 else { return false }
                parser = .length
            case .length:
                parser = .command
                open += Int(byte)
                if byte < Self.longestMessage { closeRequest() }
            }
        }
        return true
    }

    /// Says that nothing more is there at the moment: a request whose last message was a full one was complete.
    mutating func closeRequest() {
        guard open > 0 else { return }
        if limiter.isBlocked { counters.limiterEvents += 1 }
        if requests.count - next < Self.maximumRequests {
            requests.append(open)
        } else {
            requests[requests.count - 1] += open
        }
        open = 0
    }

    /// When something may be granted that waits; nil if nothing does.
    var deadline: UInt64? { next < requests.count ? limiter.blockedUntil : nil }

    /// How many bytes are to be sent now, on top of what was granted before.
    mutating func grant(now: UInt64) -> Int {
        if limiter.isBlocked {
            limiter.expire(now: now)
            if limiter.isBlocked { return 0 }
            counters.limiterEvents += 1
        }
        var granted = 0
        while next < requests.count, !limiter.isBlocked {
            counters.requests += 1
            guard limiter.admit(requests[next], now: now) else {
                counters.throttles += 1
                break
            }
            granted += requests[next]
            next += 1
        }
        if next == requests.count || next >= Self.maximumRequests {
            requests.removeFirst(next)
            next = 0
        }
        counters.bytes += UInt64(granted)
        return granted
    }

    mutating func countFailure() { counters.failures += 1 }

    mutating func takeCounters() -> Counters {
        defer { counters = Counters() }
        return counters
    }
}
