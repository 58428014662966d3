internal import NIOPosix

/// System calls that wait: they run on threads that may, never on those of Swift's cooperative pool.
enum BlockingWork {
    /// - Throws: What `body` throws; `CancellationError` if the task was cancelled before `body` began, which then does not run.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(body)
    }

    /// Runs `body` even if the task is cancelled: cleaning up must not depend on that.
    static func run(_ body: @escaping @Sendable () -> Void) async {
        // The singleton is never shut down, and this task is cancelled by nobody: nothing makes it throw.
        await Task { try? await NIOThreadPool.singleton.runIfActive(body) }.value
    }
}
