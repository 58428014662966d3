internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// A line, or a part of one, that the command of a sandbox has printed.
public struct SandboxLogEntry: Hashable, Sendable {
    /// When, as RFC 3339 writes it.
    public var time: String
    /// Whether it was printed on standard error.
    public var isStandardError: Bool
    /// With the line break, if it had one.
    public var bytes: [UInt8]
}

extension Sandbox {
    /// Hands on what its command has printed in all of its lives, as far as it is kept, and what it prints from now on if that is wanted.
    ///
    /// - Parameters:
    ///   - since: Only what was printed at this time or later, in one of docker's forms: `2026-11-21T10:46:00Z`, `1795257960`, `10m`.
    ///     Default: everything.
    ///   - tail: Only so many of the last entries. Default: all.
    ///   - follow: Goes on until it does not run any more. Default: no.
    ///   - handler: Gets the entries in pieces, the oldest first.
    /// - Throws: `NO_SUCH_VM`; `INVALID_CONFIG` if `since` is no time; what `handler` throws.
    public func logs(
        since: String? = nil, tail: Int? = nil, follow: Bool = false,
        _ handler: ([SandboxLogEntry]) async throws -> Void
    ) async throws {
        let earliest = try since.map { (words) throws(SmartVMError) in
            try Timestamp.required(words, now: Clock.realtimeNanoseconds).nanoseconds
        }
        var follower = LogFollower()
        try await read(LogFiles(path: directory.outputPath), tail: tail, follow: follow) { bytes in
            let entries = follower.feed(bytes).compactMap { LogRecord(line: $0) }
                .filter { $0.time.nanoseconds >= earliest ?? 0 }
                .map {
                    SandboxLogEntry(
                        time: $0.time.text, isStandardError: $0.stream == .standardError, bytes: $0.printed)
                }
            if !entries.isEmpty { try await handler(entries) }
        }
    }

    /// Hands on what its guest's serial console and its VMM have printed: see ``logs(since:tail:follow:_:)``.
    ///
    /// - Parameters:
    ///   - tail: Only so many of the last lines. Default: all.
    ///   - follow: Goes on until it does not run any more. Default: no.
    ///   - handler: Gets the bytes as they are. They are the guest's: a terminal would obey them.
    /// - Throws: `NO_SUCH_VM`; what `handler` throws.
    public func consoleLog(
        tail: Int? = nil, follow: Bool = false, _ handler: ([UInt8]) async throws -> Void
    ) async throws {
        try await read(LogFiles(path: directory.consolePath), tail: tail, follow: follow, handler)
    }

    /// Reads the files of a log in pieces, the oldest first, and then what comes.
    private func read(
        _ files: LogFiles, tail: Int?, follow: Bool, _ handler: ([UInt8]) async throws -> Void
    ) async throws {
        // Not what others would say of it: they would put right what has ended, and one that is removed at its end would be gone with its logs.
        let supervisor = try await storedRecord().owner?.open()
        var position = LogFiles.Position.beginning
        if let tail { position = try await BlockingWork.run { files.beginningOfLast(max(0, tail)) } }
        while true {
            // Before it is read to the end: what is printed after that is not missed.
            let goesOn = follow && supervisor?.isRunning == true
            while true {
                let start = position
                let (bytes, end) = try await BlockingWork.run {
                    var position = start
                    return (files.read(&position), position)
                }
                position = end
                if bytes.isEmpty { break }
                try await handler(bytes)
            }
            guard goesOn else { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
