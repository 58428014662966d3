/// How often one place of the code may log, by Firecracker's rule: ten lines at once, and from then on one in half a second.
struct LogPace {
    static let period: UInt64 = 500
    static let longestLead: UInt64 = 5000

    /// When the line after the last would be on time, in milliseconds.
    private var dueTime: UInt64 = 0
    private var dropped = 0

    /// Whether a line may be written now, and how many were dropped before it.
    ///
    /// - Parameter now: Milliseconds of a clock that never goes back.
    mutating func admit(now: UInt64) -> (isAdmitted: Bool, dropped: Int) {
        let next = max(dueTime, now) + Self.period
        guard next - now <= Self.longestLead else {
            dropped += 1
            return (false, 0)
        }
        dueTime = next
        defer { dropped = 0 }
        return (true, dropped)
    }
}
