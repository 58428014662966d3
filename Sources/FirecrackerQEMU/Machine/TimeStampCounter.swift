internal import Glibc
internal import Linux

/// The frequency of the processor's time stamp counter, which a guest under TCG reads unscaled.
///
/// It is measured between two moments that lie apart anyway: the start of this process and the start of the machine. A reading is right
/// to some tens of nanoseconds, so that 10 ms give the frequency to a few millionths.
enum TimeStampCounter {
    /// The shortest distance, in nanoseconds, of two readings that give a frequency worth having.
    static let shortestDistance: UInt64 = 5_000_000

    /// The frequency in kHz, rounded. Nil if the readings lie too near to each other, or the counter does not run.
    static func frequency(from first: TimeStamp, to second: TimeStamp) -> Int? {
        guard second.ticks > first.ticks, second.nanoseconds >= first.nanoseconds + shortestDistance else { return nil }
        let ticks = second.ticks - first.ticks
        let nanoseconds = second.nanoseconds - first.nanoseconds
        let product = ticks.multipliedFullWidth(by: 1_000_000)
        guard product.high < nanoseconds else { return nil }
        let (quotient, remainder) = nanoseconds.dividingFullWidth(product)
        let rounded = quotient + (remainder >= nanoseconds - remainder ? 1 : 0)
        return rounded > 0 ? Int(exactly: rounded) : nil
    }

    /// Measures since `first`, sleeping if that is too near. In kHz; nil if the counter does not run.
    static func measure(since first: TimeStamp) -> Int? {
        while true {
            let now = TimeStamp.now()
            let distance = now.nanoseconds &- first.nanoseconds
            if distance >= shortestDistance { return frequency(from: first, to: now) }
            usleep(UInt32((shortestDistance - distance) / 1000) + 100)
        }
    }
}
