internal import FirecrackerAPI
internal import FirecrackerClient
internal import GRDB
internal import Linux
internal import SupervisorProtocol

/// Something that has happened to a VM.
struct EventRecord: Hashable, Sendable {
    /// Given by the database; grows.
    var id: Int64 = 0
    /// Nanoseconds since 1970.
    var time: Int64
    var vm: String
    var name: String
    var action: String
    var attributes: [String: String] = [:]
}

extension EventRecord: FetchableRecord {
    init(row: Row) {
        self.init(
            id: row["id"], time: row["time"], vm: row["vm"], name: row["name"], action: row["action"],
            attributes: Self.attributes(of: row["attributes"]))
    }

    private static func attributes(of text: String) -> [String: String] {
        guard case .object(let object) = try? JSONValue(decoding: Array(text.utf8)) else { return [:] }
        var attributes: [String: String] = [:]
        for member in object.members {
            if case .string(let value) = member.value { attributes[member.name] = value }
        }
        return attributes
    }

    fileprivate func insert(_ database: Database) throws {
        var object = JSONObject()
        for (name, value) in attributes { object[name] = .string(value) }
        try database.execute(
            sql: "INSERT INTO event (time, vm, name, action, attributes) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                time, vm, name, action, String(decoding: JSONValue.object(object).encoded, as: UTF8.self),
            ])
    }
}

extension Store {
    /// So many events are kept; the oldest go.
    static let keptEvents: Int64 = 10_000

    /// Notes what has happened, as a part of the transaction that makes it true.
    static func note(_ event: EventRecord, _ database: Database) throws {
        try event.insert(database)
        try database.execute(
            sql: "DELETE FROM event WHERE id <= ?", arguments: [database.lastInsertedRowID - keptEvents])
    }

    /// The events after this one, in the order in which they came in.
    func events(after id: Int64) throws(SmartVMError) -> [EventRecord] {
        try read { database in
            try EventRecord.fetchAll(
                database, sql: "SELECT * FROM event WHERE id > ? ORDER BY id", arguments: [id])
        }
    }

    /// What the last life of a VM has ended with, also if the VM is there no more.
    func lastExitStatus(ofVM id: String) throws(SmartVMError) -> Int? {
        try read { database in
            try EventRecord.fetchOne(
                database, sql: "SELECT * FROM event WHERE vm = ? AND action = 'die' ORDER BY id DESC LIMIT 1",
                arguments: [id])
        }?.attributes["exitStatus"].flatMap { Int($0) }
    }

    /// Takes in what a supervisor has written down, each event once, whoever else does it at the same time.
    ///
    /// - Parameter events: In their order. Those that were taken in before are among them as a rule.
    func bringIn(_ events: [LifeEvent], ofVM id: String, name: String) throws(SmartVMError) {
        guard let last = events.last, try isNew(last, ofVM: id) else { return }
        try write { database in
            // Whoever removes a VM has brought in all before, and how far that went is forgotten with it.
            guard
                try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM vm WHERE id = ?)", arguments: [id])
                    == true
            else { return }
            for event in events where try Self.isNew(event, ofVM: id, database) {
                var attributes: [String: String] = [:]
                for attribute in event.attributes { attributes[attribute.name] = attribute.value }
                try Self.note(
                    EventRecord(
                        time: Int64(clamping: event.time), vm: id, name: name, action: event.action,
                        attributes: attributes), database)
                try database.execute(
                    sql: "INSERT OR REPLACE INTO broughtIn (vm, generation, sequence) VALUES (?, ?, ?)",
                    arguments: [id, Int64(clamping: event.generation), Int64(clamping: event.sequence)])
            }
        }
    }

    private func isNew(_ event: LifeEvent, ofVM id: String) throws(SmartVMError) -> Bool {
        try read { try Self.isNew(event, ofVM: id, $0) }
    }

    private static func isNew(_ event: LifeEvent, ofVM id: String, _ database: Database) throws -> Bool {
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT generation, sequence FROM broughtIn WHERE vm = ?", arguments: [id])
        else { return true }
        let (generation, sequence) = (row["generation"] as Int64, row["sequence"] as Int64)
        return (Int64(clamping: event.generation), Int64(clamping: event.sequence)) > (generation, sequence)
    }
}
