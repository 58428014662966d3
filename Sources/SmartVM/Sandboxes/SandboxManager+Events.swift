internal import FirecrackerClient
internal import Linux
internal import SupervisorProtocol

/// Something that has happened to a ``Sandbox``.
public struct SandboxEvent: Hashable, Sendable, Codable {
    /// When, as RFC 3339 writes it, in UTC.
    public var time: String
    /// The sandbox's, which may be there no more.
    public var id: String
    /// What the sandbox was called then.
    public var name: String
    /// `create`, `start` (its guest runs), `pause`, `unpause`, `stop` and `kill` (somebody has asked for that), `die` (a life is over),
    /// `health_status`, `update`, `rename`, `remove`.
    public var action: String
    /// What else there is to say: `exitStatus`, `error`, `restarts`, `signal`, `reason`, `health`, `oldName`, `image`, what `update` sets.
    public var attributes: [String: String]
}

extension SandboxManager {
    /// How often is looked for something new.
    private static let interval = Duration.milliseconds(200)

    /// Hands on what happens to sandboxes, the newest 10,000 events of the past included if that is wanted.
    ///
    /// - Parameters:
    ///   - since: From this time on, in one of docker's forms. Default: from now on.
    ///   - until: To this time; then this returns, at once if it is in the past. Default: until the task is cancelled.
    ///   - handler: Gets them, the oldest first as far as they are known at the same time.
    /// - Throws: `INVALID_CONFIG` if a time is none; `CancellationError`; what `handler` throws.
    public func events(
        since: String? = nil, until: String? = nil, _ handler: ([SandboxEvent]) async throws -> Void
    ) async throws {
        let now = Clock.realtimeNanoseconds
        let start = try since.map { (words) throws(SmartVMError) in try Timestamp.required(words, now: now).nanoseconds
        }
        let end = try until.map { (words) throws(SmartVMError) in try Timestamp.required(words, now: now).nanoseconds }
        let isWanted = { (event: EventRecord) in
            let time = UInt64(clamping: event.time)
            return time >= start ?? now && time <= end ?? .max
        }
        var watch = EventWatch()
        var last: Int64 = 0
        while true {
            let isLast = end.map { $0 <= Clock.realtimeNanoseconds } ?? false
            let (known, after) = (watch, last)
            let (events, seen) = try await BlockingWork.run { [self] in
                var watch = known
                try bringInEvents(&watch)
                return (try store.events(after: after), watch)
            }
            watch = seen
            last = events.last?.id ?? last
            let wanted = events.filter(isWanted).sorted { ($0.time, $0.id) < ($1.time, $1.id) }
            if !wanted.isEmpty { try await handler(wanted.map { SandboxEvent($0) }) }
            if isLast { return }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Takes in what supervisors have written down, and puts right what has ended. Blocks the thread.
    private func bringInEvents(_ watch: inout EventWatch) throws {
        let records = try store.busyVMs()
        watch.keep(records.filter { $0.phase == .active }.map(\.id))
        for record in records {
            // One that cannot be put right is shown by the list of all, and keeps nobody from hearing of the others.
            do { try bringInEvents(of: record, &watch) } catch is SmartVMError { watch.forget(record.id) }
        }
    }

    private func bringInEvents(of record: VMRecord, _ watch: inout EventWatch) throws {
        if watch.isKnown(record), watch.lives(record) {
            let directory = directory(record.id)
            if watch.hasNew(record.id, directory.eventsPath) {
                try store.bringIn(directory.events, ofVM: record.id, name: record.name)
            }
        } else if record.phase == .active, let supervisor = record.owner?.open() {
            watch.follow(record, supervisor)
            try store.bringIn(directory(record.id).events, ofVM: record.id, name: record.name)
        } else {
            watch.forget(record.id)
            _ = try presentInfo(record)
        }
    }
}

extension SandboxEvent {
    fileprivate init(_ record: EventRecord) {
        self.init(
            time: Timestamp(nanoseconds: UInt64(clamping: record.time)).text, id: record.vm, name: record.name,
            action: record.action, attributes: record.attributes)
    }
}
