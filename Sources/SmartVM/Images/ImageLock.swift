internal import Linux

/// Held by whoever makes or removes something that others use too; the kernel releases it when the holder is killed.
struct ImageLock: ~Copyable, Sendable {
    private let lock: FileLock

    /// Waits until it is free, without keeping a thread.
    ///
    /// - Parameter whenTaken: Called once if somebody else holds it.
    init(path: String, whenTaken: () throws -> Void = {}) async throws {
        var isFirst = true
        while true {
            do throws(Errno) {
                lock = try FileLock(path)
                return
            } catch {
                if error != .wouldBlock { throw error }
            }
            if isFirst { try whenTaken() }
            isFirst = false
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
