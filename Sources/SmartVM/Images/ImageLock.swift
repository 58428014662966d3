internal import Linux

/// Held by whoever makes or removes something that others use too; the kernel releases it when the holder is killed.
struct ImageLock: ~Copyable, Sendable {
    private let lock: FileLock
    private let path: String

    /// Waits until it is free, without keeping a thread.
    ///
    /// - Parameter whenTaken: Called once if somebody else holds it.
    init(path: String, whenTaken: () throws -> Void = {}) async throws {
        var isFirst = true
        while true {
            do throws(Errno) {
                self = try ImageLock(free: path)
                return
            } catch {
                if error != .wouldBlock { throw error }
            }
            // A lock whose file has just been removed is tried again like one that is held.
            if isFirst, File.exists(path) { try whenTaken() }
            isFirst = false
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Takes it if nobody else holds it; else `wouldBlock` is thrown.
    init(free path: String) throws(Errno) {
        let lock = try FileLock(path)
        guard lock.isInPlace(path) else { throw .wouldBlock }
        self.lock = lock
        self.path = path
    }

    /// Removes the lock's file: for what is locked no longer exists. Who waits for it makes another one.
    borrowing func removeFile() {
        try? FileTree.removeAll(path)
    }
}
