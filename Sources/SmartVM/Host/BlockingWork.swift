internal import NIOPosix

/// System calls that wait: they run on threads that may, never on those of Swift's cooperative pool.
enum BlockingWork {
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(body)
    }

    static func run(_ body: @escaping @Sendable () -> Void) async {
        // The singleton is never shut down, which is the only thing that makes this throw.
        try? await NIOThreadPool.singleton.runIfActive(body)
    }
}
