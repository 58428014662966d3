internal import FirecrackerClient
internal import GRDB

/// A volume of the data directory.
struct VolumeRecord: Hashable, Sendable {
    /// What is being done to it, or may have been when the process that did it was killed.
    enum State: String, Sendable {
        /// It is being made: whoever comes next begins anew.
        case creating
        case ready
        /// It is being removed: whoever comes next goes on with that.
        case removing
    }

    var name: String
    var state: State
    /// In bytes.
    var size: Int64
    /// Nanoseconds since 1970.
    var createdAt: Int64
}

extension VolumeRecord: FetchableRecord {
    init(row: Row) {
        self.init(
            name: row["name"], state: State(rawValue: row["state"]) ?? .ready, size: row["size"],
            createdAt: row["createdAt"])
    }
}

/// That a VM is made with a volume.
struct VolumeUseRecord: Hashable, Sendable {
    /// The name of a volume, or the path of a file.
    var source: String
    var isReadOnly: Bool

    func insert(for vm: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO volumeUse (vm, source, isReadOnly) VALUES (?, ?, ?)", arguments: [vm, source, isReadOnly])
    }
}

extension Store {
    /// All volumes, by name.
    func volumes() throws(SmartVMError) -> [VolumeRecord] {
        try read { try VolumeRecord.fetchAll($0, sql: "SELECT * FROM volume ORDER BY name") }
    }

    func volume(_ name: String) throws(SmartVMError) -> VolumeRecord? {
        try read { try VolumeRecord.fetchOne($0, sql: "SELECT * FROM volume WHERE name = ?", arguments: [name]) }
    }

    /// Adds a volume, or takes the place of what is written down of one of its name.
    func write(_ volume: VolumeRecord) throws(SmartVMError) {
        try write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO volume (name, state, size, createdAt) VALUES (?, ?, ?, ?)",
                arguments: [volume.name, volume.state.rawValue, volume.size, volume.createdAt])
        }
    }

    /// Announces the removal of a volume that no VM is made with.
    ///
    /// - Returns: The names of the VMs that are made with it; none: it is announced.
    func beginRemoval(ofVolume name: String) throws(SmartVMError) -> [String] {
        try write { database in
            let users = try Self.vmNames(usingVolume: name, database)
            if users.isEmpty {
                try database.execute(sql: "UPDATE volume SET state = 'removing' WHERE name = ?", arguments: [name])
            }
            return users
        }
    }

    func delete(volume name: String) throws(SmartVMError) {
        try write { try $0.execute(sql: "DELETE FROM volume WHERE name = ?", arguments: [name]) }
    }

    /// The names of the VMs that are made with a volume.
    func vmNames(usingVolume source: String) throws(SmartVMError) -> [String] {
        try read { try Self.vmNames(usingVolume: source, $0) }
    }

    private static func vmNames(usingVolume source: String, _ database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: "SELECT vm.name FROM volumeUse JOIN vm ON vm.id = volumeUse.vm WHERE source = ? ORDER BY vm.name",
            arguments: [source])
    }

    /// The VMs that are made with a volume in a way that excludes another's use.
    ///
    /// - Parameter isReadOnly: Whether the other one only reads.
    func vms(excludingUseOfVolume source: String, isReadOnly: Bool) throws(SmartVMError) -> [VMRecord] {
        try read { database in
            try VMRecord.fetchAll(
                database,
                sql: """
                    SELECT vm.* FROM volumeUse JOIN vm ON vm.id = volumeUse.vm
                    WHERE source = ? AND NOT (isReadOnly AND ?) ORDER BY vm.name
                    """, arguments: [source, isReadOnly])
        }
    }
}
