import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("The time stamp counter")
struct TimeStampCounterTests {
    @Test("has the frequency of ticks over time, rounded to kHz")
    func frequency() {
        let first = TimeStamp(ticks: 1000, nanoseconds: 5000)
        func frequency(_ ticks: UInt64, _ nanoseconds: UInt64) -> Int? {
            TimeStampCounter.frequency(
                from: first, to: TimeStamp(ticks: 1000 + ticks, nanoseconds: 5000 + nanoseconds))
        }
        #expect(frequency(24_454_300, 10_000_000) == 2_445_430)
        #expect(frequency(24_454_304, 10_000_000) == 2_445_430)
        #expect(frequency(24_454_306, 10_000_000) == 2_445_431)
        #expect(frequency(1 << 62, 1 << 61) == 2_000_000)
    }

    @Test("has none between readings too near to each other, or if it stands still")
    func none() {
        let first = TimeStamp(ticks: 1000, nanoseconds: 5000)
        #expect(TimeStampCounter.frequency(from: first, to: TimeStamp(ticks: 9000, nanoseconds: 9000)) == nil)
        #expect(TimeStampCounter.frequency(from: first, to: TimeStamp(ticks: 1000, nanoseconds: 90_000_000)) == nil)
        #expect(TimeStampCounter.frequency(from: first, to: TimeStamp(ticks: 1, nanoseconds: 90_000_000)) == nil)
        #expect(TimeStampCounter.frequency(from: first, to: TimeStamp(ticks: 1001, nanoseconds: 1)) == nil)
    }

    #if arch(x86_64)
        @Test("is measured alike twice")
        func measured() throws {
            let first = try #require(TimeStampCounter.measure(since: .now()))
            let second = try #require(TimeStampCounter.measure(since: .now()))
            #expect(abs(first - second) < first / 1000)
        }
    #endif
}
