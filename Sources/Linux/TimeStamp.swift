internal import CLinux
internal import Glibc

/// The processor's time stamp counter and the clock, read at the same moment.
public struct TimeStamp: Hashable, Sendable {
    public var ticks: UInt64
    /// Of CLOCK_MONOTONIC_RAW, which no time server slews.
    public var nanoseconds: UInt64

    public init(ticks: UInt64, nanoseconds: UInt64) {
        self.ticks = ticks
        self.nanoseconds = nanoseconds
    }

    /// Reads both now. Of several attempts the one counts in which least time passed between the readings.
    public static func now() -> TimeStamp {
        var best = TimeStamp(ticks: 0, nanoseconds: 0)
        var least = UInt64.max
        for _ in 0..<16 {
            let before = clinux_time_stamp_counter()
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC_RAW, &time)
            let passed = clinux_time_stamp_counter() &- before
            if passed < least {
                least = passed
                best = TimeStamp(
                    ticks: before &+ passed / 2,
                    nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
            }
        }
        return best
    }
}
