internal import Linux

/// What has been seen of VMs that run, so that looking again costs little: their supervisors, and how far their files were read.
struct EventWatch: Sendable {
    private struct Seen: Sendable {
        var generation: Int64
        var supervisor: ChildProcess
        var file: FileStatus?
    }

    private var seen: [String: Seen] = [:]

    func isKnown(_ record: VMRecord) -> Bool { seen[record.id]?.generation == record.generation }

    func lives(_ record: VMRecord) -> Bool { seen[record.id]?.supervisor.isRunning == true }

    mutating func follow(_ record: VMRecord, _ supervisor: ChildProcess) {
        seen[record.id] = Seen(generation: record.generation, supervisor: supervisor)
    }

    mutating func forget(_ id: String) { seen[id] = nil }

    /// Forgets all others: who else has put them right does not tell.
    mutating func keep(_ ids: [String]) {
        let kept = Set(ids)
        seen = seen.filter { kept.contains($0.key) }
    }

    /// Whether the file is another one, or longer, than when this was asked before.
    mutating func hasNew(_ id: String, _ path: String) -> Bool {
        let status = try? FileStatus(of: path)
        defer { seen[id]?.file = status }
        guard let before = seen[id]?.file, let status else { return status != nil }
        return before.inode != status.inode || before.size != status.size
    }
}
