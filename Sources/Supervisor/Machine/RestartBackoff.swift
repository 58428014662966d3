/// How long to wait before a VM is started again: 100 ms, twice as long each time, at most a minute; from the beginning after
/// a life that lasted.
struct RestartBackoff {
    static let first: UInt64 = 100
    static let last: UInt64 = 60_000
    /// A life of so many milliseconds has lasted.
    static let lasting: UInt64 = 10_000

    private var delay = first

    /// - Parameter milliseconds: How long the VM has run.
    /// - Returns: Milliseconds to wait.
    mutating func delay(afterLifeOf milliseconds: UInt64) -> UInt64 {
        if milliseconds >= Self.lasting { delay = Self.first }
        defer { delay = min(delay * 2, Self.last) }
        return delay
    }
}
