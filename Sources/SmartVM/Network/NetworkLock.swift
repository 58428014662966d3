internal import FirecrackerClient
internal import Glibc
internal import Linux
internal import Synchronization

/// Lets one operation on the host's network happen at a time, of all tasks of this process and of all processes that work with the same
/// data directory. The kernel gives the lock back when its holder is killed.
final class NetworkLock: Sendable {
    /// How long another process may keep the lock: an operation takes milliseconds.
    static let patience = Duration.seconds(30)

    private let dataDirectory: String?
    private let last = Mutex<Task<Void, Never>?>(nil)

    /// - Parameter dataDirectory: nil: there are no other processes.
    init(dataDirectory: String?) {
        self.dataDirectory = dataDirectory
    }

    /// Runs `body` when all those that came before have ended. Once begun, it is not cancelled.
    ///
    /// - Parameter cancellable: Whether cancelling the task before it has begun ends it.
    /// - Throws: What `body` throws; `NETWORK_BUSY` if another process keeps the lock.
    func exclusively<Result: Sendable>(
        cancellable: Bool, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = last.withLock { last in
            let previous = last
            let task = Task {
                await previous?.value
                if cancellable { try Task.checkCancellation() }
                let lock = try await self.acquire()
                defer { withExtendedLifetime(lock) {} }
                // A task of its own does not hear of the cancellation.
                return try await Task { try await body() }.value
            }
            last = Task { _ = await task.result }
            return task
        }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            if cancellable { task.cancel() }
        }
    }

    /// The same for a caller that may block its thread.
    ///
    /// - Parameter patience: Default: as long as ``patience``. Zero: `body` runs only if nobody has the lock.
    func blocking<Result>(
        patience: Duration = patience, _ body: () throws(SmartVMError) -> Result
    ) throws(SmartVMError) -> Result {
        guard let path = try path() else { return try body() }
        let deadline = ContinuousClock.now + patience
        while true {
            if let lock = try tryLocking(path, deadline) {
                defer { withExtendedLifetime(lock) {} }
                return try body()
            }
            usleep(500)
        }
    }

    private func acquire() async throws -> HeldLock? {
        guard let path = try path() else { return nil }
        let deadline = ContinuousClock.now + Self.patience
        while true {
            if let lock = try tryLocking(path, deadline) { return lock }
            // Blocking would keep a thread that others need; whoever holds it is done in a few milliseconds.
            try await Task.sleep(for: .microseconds(500))
        }
    }

    private func path() throws(SmartVMError) -> String? {
        guard let dataDirectory else { return nil }
        try DataDirectory(path: dataDirectory).prepare()
        return "\(dataDirectory)/network.lock"
    }

    /// - Returns: nil if somebody else has it, and the time is not over.
    private func tryLocking(_ path: String, _ deadline: ContinuousClock.Instant) throws(SmartVMError) -> HeldLock? {
        do throws(Errno) {
            return HeldLock(lock: try FileLock(path))
        } catch .wouldBlock {
            guard ContinuousClock.now >= deadline else { return nil }
            throw SmartVMError(
                .networkBusy, "Another process is configuring the network, and has not come to its end.",
                cure: "See which process it is: fuser -v \(path)")
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The lock \(path) cannot be taken: \(error).",
                cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
        }
    }

    private final class HeldLock: Sendable {
        private let lock: FileLock

        init(lock: consuming FileLock) {
            self.lock = lock
        }
    }
}
