internal import Linux
internal import NIOPosix

/// System calls that wait: they run on threads that may, never on those of Swift's cooperative pool.
///
/// Theory of operation. `run` has a few threads, for what takes as long as a disk. What may take longer, and whatever others wait
/// for on those threads, runs on a thread of its own by `wait`: if all threads of the pool waited for the holder of a lock, and the
/// holder for one of them, nobody would go on.
enum BlockingWork {
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 16)
        pool.start()
        return pool
    }()

    /// - Throws: What `body` throws; `CancellationError` if the task was cancelled before `body` began, which then does not run.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await pool.runIfActive(body)
    }

    /// Runs `body` even if the task is cancelled: cleaning up must not depend on that.
    static func run(_ body: @escaping @Sendable () -> Void) async {
        // The pool is never shut down, and this task is cancelled by nobody: nothing makes it throw.
        await Task { try? await pool.runIfActive(body) }.value
    }

    /// The same as `run`, on a thread that ends with it.
    ///
    /// - Throws: What `body` throws; `CancellationError` if the task was cancelled before.
    static func wait<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            start { continuation.resume(with: .init(catching: body)) }
        }
    }

    /// Runs `body` even if the task is cancelled, on a thread that ends with it.
    static func wait(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            start {
                body()
                continuation.resume()
            }
        }
    }

    private static func start(_ body: @escaping @Sendable () -> Void) {
        do throws(Errno) {
            // Programs that it starts get signals as those of other threads do.
            try Thread("smartvm-waiting", stackSize: 2 << 20, blocksSignals: false, body).detach()
        } catch {
            // The host gives no more threads; one of these comes free.
            pool.submit { _ in body() }
        }
    }
}
