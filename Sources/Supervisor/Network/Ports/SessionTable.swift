/// Sessions of a protocol that knows no end: each is over when nothing has happened for a while, and the one that has rested longest makes
/// way when there are too many.
struct SessionTable<Key: Hashable, Session> {
    private struct Entry {
        var session: Session
        var lastUse: UInt64
        /// How long it lasts from its last use on, in nanoseconds.
        var patience: UInt64
    }

    let limit: Int
    private var entries: [Key: Entry] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// The session, which is used now.
    ///
    /// - Parameter patience: From now on; nil: as before.
    mutating func use(_ key: Key, at now: UInt64, patience: UInt64? = nil) -> Session? {
        guard let index = entries.index(forKey: key) else { return nil }
        entries.values[index].lastUse = now
        if let patience { entries.values[index].patience = patience }
        return entries.values[index].session
    }

    /// Adds a session.
    ///
    /// - Returns: The one that makes way for it.
    mutating func insert(_ session: Session, for key: Key, at now: UInt64, patience: UInt64) -> Session? {
        var evicted: Session?
        if entries.count >= limit, entries[key] == nil,
            let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            evicted = oldest.value.session
            entries[oldest.key] = nil
        }
        entries[key] = Entry(session: session, lastUse: now, patience: patience)
        return evicted
    }

    /// Takes out those whose time is over.
    mutating func removeExpired(at now: UInt64) -> [Session] {
        let expired = entries.filter { now >= $0.value.lastUse + $0.value.patience }
        for key in expired.keys { entries[key] = nil }
        return expired.values.map(\.session)
    }
}
