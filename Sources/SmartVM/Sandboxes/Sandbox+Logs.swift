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
    ///   - since: Only what was printed at this time or later, as RFC 3339 writes it in UTC. Default: everything.
    ///   - tail: Only so many of the last entries. Default: all.
    ///   - follow: Goes on until it does not run any more. Default: no.
    ///   - handler: Gets the entries, the oldest first.
    /// - Throws: `NO_SUCH_VM`; `INVALID_CONFIG` if `since` is no time; what `handler` throws.
    public func logs(
        since: String? = nil, tail: Int? = nil, follow: Bool = false,
        _ handler: ([SandboxLogEntry]) async throws -> Void
    ) async throws {
        var earliest: Timestamp?
        if let since {
            guard let time = Timestamp(since) else {
                throw SmartVMError(
                    .invalidConfiguration, "'\(since)' is no time.", cure: "Write it as 2026-11-21T10:46:00Z.")
            }
            earliest = time
        }
        var decoder = LogFollower()
        let isWanted = { (record: LogRecord) in earliest.map { record.time.nanoseconds >= $0.nanoseconds } ?? true }
        try await followFile(directory.outputPath, follow: follow) { bytes, isFirst in
            var records = decoder.feed(bytes).filter(isWanted)
            if isFirst, let tail { records = Array(records.suffix(max(0, tail))) }
            if records.isEmpty { return }
            try await handler(
                records.map {
                    SandboxLogEntry(
                        time: $0.time.text, isStandardError: $0.stream == .standardError, bytes: $0.printed)
                })
        }
    }

    /// Hands on what its guest's serial console and its VMM have printed: see ``logs(since:tail:follow:_:)``.
    ///
    /// - Parameters:
    ///   - follow: Goes on until it does not run any more. Default: no.
    ///   - handler: Gets the bytes as they are. They are the guest's: a terminal would obey them.
    /// - Throws: `NO_SUCH_VM`; what `handler` throws.
    public func consoleLog(follow: Bool = false, _ handler: ([UInt8]) async throws -> Void) async throws {
        try await followFile(directory.consolePath, follow: follow) { bytes, _ in try await handler(bytes) }
    }

    /// Reads the files of a log, the oldest first, and then what comes.
    private func followFile(
        _ path: String, follow: Bool, _ handler: ([UInt8], _ isFirst: Bool) async throws -> Void
    ) async throws {
        var isActive = try await info.state.isActive
        var all: [UInt8] = []
        for number in stride(from: 9, through: 1, by: -1) {
            all += (try? File.read("\(path).\(number)")) ?? []
        }
        var file = try? Descriptor.open(path, 0)
        var offset = 0
        var isFirst = true
        while true {
            if file == nil { file = try? Descriptor.open(path, 0) }
            if let open = file.take() {
                while let bytes = try? open.read(at: offset, upTo: 1 << 20), !bytes.isEmpty {
                    offset += bytes.count
                    all += bytes
                }
                // A file that was full has another name now.
                let isCurrent = (try? FileStatus(of: path))?.inode == (try? FileStatus(of: open))?.inode
                if isCurrent { file = consume open } else { offset = 0 }
            }
            if !all.isEmpty { try await handler(all, isFirst) }
            all = []
            isFirst = false
            guard follow, isActive else { return }
            try await Task.sleep(for: .milliseconds(100))
            isActive = try await info.state.isActive
        }
    }
}

/// Takes a log apart as it grows.
struct LogFollower {
    private var pending: [UInt8] = []

    /// - Returns: The records that are complete now.
    mutating func feed(_ bytes: [UInt8]) -> [LogRecord] {
        pending += bytes
        guard let end = pending.lastIndex(of: 0x0a) else { return [] }
        defer { pending.removeFirst(end + 1) }
        return pending[..<end].split(separator: 0x0a, omittingEmptySubsequences: true).compactMap {
            LogRecord(line: $0)
        }
    }
}
