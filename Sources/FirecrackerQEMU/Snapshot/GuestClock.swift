/// The guest's clocks in QEMU's saved state, which can be moved on before the state is loaded.
///
/// The section `timer` of the state holds, for a machine that stands still, the count of the guest's time stamp counter and
/// the nanoseconds of its virtual clock, both big-endian, with eight unused bytes between them. A guest whose counter has
/// moved on finds its own clocks moved on, and timers that have become due fire at once.
enum GuestClock {
    /// How the section begins: its kind, and after its number the length of its name and the name, then its instance (0)
    /// and its version (2).
    private static let name: [UInt8] = [5] + Array("timer".utf8) + [0, 0, 0, 0, 0, 0, 0, 2]
    private static let kind: UInt8 = 4

    /// Moves both clocks on. Nil if the state has no such section, or time would overflow.
    ///
    /// - Parameters:
    ///   - nanoseconds: By how much.
    ///   - frequency: The time stamp counter's, in kHz.
    static func advance(_ state: [UInt8], by nanoseconds: UInt64, frequency: Int) -> [UInt8]? {
        guard let place = section(in: state), place + 24 <= state.count else { return nil }
        let (high, low) = nanoseconds.multipliedFullWidth(by: UInt64(clamping: frequency))
        guard high < 1_000_000 else { return nil }
        let ticks = UInt64(1_000_000).dividingFullWidth((high, low)).quotient
        var result = state
        for (offset, distance) in [(place, ticks), (place + 16, nanoseconds)] {
            let before = result[offset..<(offset + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let (after, overflow) = before.addingReportingOverflow(distance)
            guard !overflow, after <= UInt64(Int64.max) else { return nil }
            for byte in 0..<8 { result[offset + byte] = UInt8(truncatingIfNeeded: after >> UInt64(56 - 8 * byte)) }
        }
        return result
    }

    /// Where the section's content begins.
    private static func section(in state: [UInt8]) -> Int? {
        var index = 5
        while index + name.count <= state.count {
            if state[index] == name[0], state[index - 5] == kind,
                state[index..<(index + name.count)].elementsEqual(name)
            {
                return index + name.count
            }
            index += 1
        }
        return nil
    }
}
