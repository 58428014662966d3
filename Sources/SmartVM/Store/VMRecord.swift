internal import FirecrackerClient
internal import GRDB
internal import Linux

/// A VM that outlives the command that made it.
struct VMRecord: Hashable, Sendable {
    /// What is being done to it, or may have been when the process that did it was killed.
    enum Phase: String, Sendable {
        /// It is being made; its owner is the process that makes it.
        case creating
        /// It does not run, and has no owner.
        case idle
        /// It runs, or has just ended; its owner is its supervisor.
        case active
        /// It is being removed: whoever comes next goes on with that.
        case removing
    }

    /// 12 hexadecimal digits.
    var id: String
    var name: String
    var phase: Phase
    var owner: ProcessIdentity?
    /// How often it was started.
    var generation: Int64 = 0
    /// As ``SandboxConfig`` writes it.
    var config: String
    // What a list shows, so that it need not read the configuration.
    var image: String
    var command: String
    /// 32 hexadecimal digits, the same in all its lives.
    var machineID: String
    // Nanoseconds since 1970.
    var createdAt: Int64
    var startedAt: Int64?
    var finishedAt: Int64?
    // Of its last life.
    var exitStatus: Int64?
    var error: String?
    var restarts: Int64 = 0
}

extension VMRecord: FetchableRecord {
    init(row: Row) {
        var owner: ProcessIdentity?
        if let pid = row["ownerPID"] as Int64?, let start = row["ownerStart"] as Int64?,
            let bootID = row["ownerBootID"] as String?
        {
            owner = ProcessIdentity(
                pid: Int32(truncatingIfNeeded: pid), startTime: UInt64(bitPattern: start), bootID: bootID)
        }
        self.init(
            id: row["id"], name: row["name"], phase: Phase(rawValue: row["phase"]) ?? .idle, owner: owner,
            generation: row["generation"], config: row["config"], image: row["image"], command: row["command"],
            machineID: row["machineID"], createdAt: row["createdAt"], startedAt: row["startedAt"],
            finishedAt: row["finishedAt"], exitStatus: row["exitStatus"], error: row["error"],
            restarts: row["restarts"])
    }

    fileprivate func write(_ database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO vm (id, name, phase, ownerPID, ownerStart, ownerBootID, generation, config, image, command,
                    machineID, createdAt, startedAt, finishedAt, exitStatus, error, restarts)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, name, phase.rawValue, owner?.pid, owner.map { Int64(bitPattern: $0.startTime) }, owner?.bootID,
                generation, config, image, command, machineID, createdAt, startedAt, finishedAt, exitStatus, error,
                restarts,
            ])
    }
}

extension Store {
    /// All VMs, the newest first.
    func vms() throws(SmartVMError) -> [VMRecord] {
        try read { try VMRecord.fetchAll($0, sql: "SELECT * FROM vm ORDER BY createdAt DESC, id") }
    }

    func vmNames() throws(SmartVMError) -> [String] {
        try read { try String.fetchAll($0, sql: "SELECT name FROM vm ORDER BY name") }
    }

    /// The VMs that something is done to, or that run.
    func busyVMs() throws(SmartVMError) -> [VMRecord] {
        try read { try VMRecord.fetchAll($0, sql: "SELECT * FROM vm WHERE phase <> 'idle'") }
    }

    func vm(_ id: String) throws(SmartVMError) -> VMRecord? {
        try read { try Self.vm(id, $0) }
    }

    /// The VMs that somebody may mean: the one of this id, or else the one of this name, or else those whose ids begin so.
    func vms(meantBy text: String) throws(SmartVMError) -> [VMRecord] {
        try read { database in
            if let vm = try Self.vm(text, database) { return [vm] }
            let named = try VMRecord.fetchAll(database, sql: "SELECT * FROM vm WHERE name = ?", arguments: [text])
            if !named.isEmpty { return named }
            // Ids consist of hexadecimal digits: nothing else may become part of a pattern.
            guard !text.isEmpty,
                text.utf8.allSatisfy({
                    UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
                })
            else { return [] }
            return try VMRecord.fetchAll(
                database, sql: "SELECT * FROM vm WHERE id GLOB ? LIMIT 2", arguments: ["\(text)*"])
        }
    }

    /// The names of the VMs that are made with an image.
    func vmNames(usingImage image: String) throws(SmartVMError) -> [String] {
        try read {
            try String.fetchAll($0, sql: "SELECT name FROM vm WHERE image = ? ORDER BY name", arguments: [image])
        }
    }

    /// Adds a VM.
    ///
    /// - Parameters:
    ///   - volumes: Those that it is made with.
    ///   - networks: What the VM's configuration names.
    /// - Throws: `NAME_IN_USE`, `NO_SUCH_NETWORK`, `NO_SPACE`.
    func insert(
        _ vm: VMRecord, volumes: [VolumeUseRecord] = [], networks: [String] = []
    ) throws(SmartVMError) {
        try write(usesReserve: false) { database in
            try Self.requireFree(vm.name, for: vm.id, database)
            for network in networks { try Self.requireNetwork(network, database) }
            try vm.write(database)
            for volume in volumes { try volume.insert(for: vm.id, database) }
            try Self.note("create", vm, vm.image.isEmpty ? [:] : ["image": vm.image], database)
        }
    }

    /// Adds a VM that was lost. If another has its name by now, it gets one of its id.
    func takeIn(_ vm: inout VMRecord, volumes: [VolumeUseRecord]) throws(SmartVMError) {
        let found = vm
        vm = try write { database in
            var vm = found
            do { try Self.requireFree(vm.name, for: vm.id, database) } catch { vm.name = "vm-\(vm.id)" }
            try vm.write(database)
            for volume in volumes { try volume.insert(for: vm.id, database) }
            try Self.note("create", vm, [:], database)
            return vm
        }
    }

    /// Changes a VM and notes what has happened to it, at once.
    ///
    /// - Parameters:
    ///   - event: What has happened, as a verb; nil: nothing to note. `die` happened when the VM finished, and the others do now.
    ///   - attributes: What else there is to say of it.
    ///   - connection: What becomes of its leases and ports at the same moment.
    /// - Returns: It as it is now; nil if it is there no more.
    /// - Throws: `NAME_IN_USE`; what `change` throws.
    @discardableResult
    func update(
        vm id: String, _ event: String? = nil, _ attributes: [String: String] = [:],
        connection: ConnectionChange? = nil,
        _ change: (inout VMRecord) throws -> Void
    ) throws(SmartVMError) -> VMRecord? {
        try write { database in
            guard var vm = try Self.vm(id, database) else { return nil }
            let before = vm
            try change(&vm)
            if vm.name != before.name { try Self.requireFree(vm.name, for: id, database) }
            if vm != before { try vm.write(database) }
            try connection?.apply(to: id, database)
            if event == "die" {
                let attributes = ["exitStatus": vm.exitStatus.map { "\($0)" }, "error": vm.error]
                try Self.note("die", vm, attributes.compactMapValues { $0 }, at: vm.finishedAt, database)
            } else if let event {
                try Self.note(event, vm, attributes, database)
            }
            return vm
        }
    }

    /// Forgets a VM; one that is not there is no error.
    func delete(vm id: String) throws(SmartVMError) {
        try write { database in
            guard let vm = try Self.vm(id, database) else { return }
            try database.execute(sql: "DELETE FROM vm WHERE id = ?", arguments: [id])
            try database.execute(sql: "DELETE FROM volumeUse WHERE vm = ?", arguments: [id])
            try database.execute(sql: "DELETE FROM broughtIn WHERE vm = ?", arguments: [id])
            try ConnectionChange.forgetConnections(id, database)
            try Self.note("remove", vm, [:], database)
        }
    }

    private static func vm(_ id: String, _ database: Database) throws -> VMRecord? {
        try VMRecord.fetchOne(database, sql: "SELECT * FROM vm WHERE id = ?", arguments: [id])
    }

    private static func requireFree(_ name: String, for id: String, _ database: Database) throws {
        let other = try String.fetchOne(
            database,
            // Guests look for names without regard to case; and an id must mean one VM.
            sql: "SELECT id FROM vm WHERE (name = ? COLLATE NOCASE OR id = ?) AND id <> ?", arguments: [name, name, id])
        guard let other else { return }
        throw SmartVMError(
            .nameInUse, "The name \(name) is taken by the VM \(other).",
            cure: "Choose another --name, or remove that VM: smartvm rm \(other)")
    }

    private static func note(
        _ action: String, _ vm: VMRecord, _ attributes: [String: String], at time: Int64? = nil,
        _ database: Database
    ) throws {
        try note(
            EventRecord(
                time: time ?? Int64(clamping: Clock.realtimeNanoseconds), vm: vm.id, name: vm.name, action: action,
                attributes: attributes), database)
    }
}
