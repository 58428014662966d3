/// How often, and how soon, what failed for a passing reason is tried again: a broken connection, a busy server.
struct RetryPolicy: Hashable, Sendable {
    /// Attempts one after another that bring nothing new; whatever does bring something begins the count anew.
    var attempts = 5
    /// Before the second attempt; each further wait is up to twice as long.
    var firstDelay = Duration.milliseconds(250)
    /// No wait is longer, unless the server asks for it.
    var longestDelay = Duration.seconds(15)
    /// A server that asks for more is not waited for.
    var longestAskedDelay = Duration.seconds(120)
    /// Attempts in all, for a server that gives one byte at a time.
    var attemptsInAll = 200

    /// How long to wait.
    ///
    /// - Parameters:
    ///   - failures: Attempts that have failed one after another, from 1.
    ///   - random: From 0 to 1. Clients that a server has dropped together shall not come back together: half of the wait is random.
    func delay(afterFailures failures: Int, random: Double = .random(in: 0...1)) -> Duration {
        let doubled = firstDelay * (1 << min(max(failures - 1, 0), 20))
        return min(doubled, longestDelay) * (0.5 + 0.5 * random)
    }
}
