internal import FirecrackerClient
internal import GRDB
internal import Linux

/// How VMs that run are connected: their addresses, their ports, and why one has no network.
struct ConnectionRecord: Hashable, Sendable {
    /// A port of the host that leads to a guest.
    struct Port: Hashable, Sendable, Codable {
        /// `tcp` or `udp`.
        var transport: String
        var hostAddress: String
        var hostPort: Int
        var guestPort: Int
    }

    var leases: [LeaseRecord] = []
    var ports: [Port] = []
    var problem: String?
}

/// What becomes of a VM's connection at the same moment as of the VM.
enum ConnectionChange: Sendable {
    /// It runs: its leases, which were its starter's, are its supervisor's.
    case begin(owner: ProcessIdentity, ports: [ConnectionRecord.Port], problem: String?)
    /// It runs no more. Its leases have been given back.
    case end
    /// It has another name: the old one's file and the new one's are both its own until ``renamed(to:)``.
    case rename(to: String)

    func apply(to vm: String, _ database: Database) throws {
        switch self {
        case .begin(let owner, let ports, let problem):
            try Self.clear(vm, database)
            try database.execute(
                sql: "UPDATE lease SET ownerPID = ?, ownerStart = ?, ownerBootID = ? WHERE vm = ?",
                arguments: [owner.pid, Int64(bitPattern: owner.startTime), owner.bootID, vm])
            for port in ports { try port.insert(vm, database) }
            if let problem {
                try database.execute(
                    sql: "INSERT INTO networkProblem (vm, problem) VALUES (?, ?)", arguments: [vm, problem])
            }
        case .end: try Self.clear(vm, database)
        case .rename(let name):
            try database.execute(
                sql: "UPDATE lease SET names = names || ' ' || ? WHERE vm = ? AND names <> ''", arguments: [name, vm])
        }
    }

    /// Forgets all that is known of a VM's connections.
    static func forgetConnections(_ vm: String, _ database: Database) throws {
        try clear(vm, database)
        try database.execute(sql: "DELETE FROM usualAddress WHERE vm = ?", arguments: [vm])
    }

    private static func clear(_ vm: String, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM port WHERE vm = ?", arguments: [vm])
        try database.execute(sql: "DELETE FROM networkProblem WHERE vm = ?", arguments: [vm])
    }
}

extension ConnectionRecord.Port {
    /// Adds it to those of a VM.
    func insert(_ vm: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT INTO port (vm, transport, hostAddress, hostPort, guestPort) VALUES (?, ?, ?, ?, ?)",
            arguments: [vm, transport, hostAddress, hostPort, guestPort])
    }
}

extension ConnectionRecord.Port: FetchableRecord {
    init(row: Row) {
        self.init(
            transport: row["transport"], hostAddress: row["hostAddress"], hostPort: row["hostPort"],
            guestPort: row["guestPort"])
    }
}

extension Store {
    /// How VMs are connected, by their ids; one that is not there is not connected.
    ///
    /// - Parameter vm: Nil: all VMs.
    func vmConnections(of vm: String? = nil) throws(SmartVMError) -> [String: ConnectionRecord] {
        try read { database in
            let condition = vm == nil ? "vm IS NOT NULL" : "vm = ?"
            let arguments: StatementArguments = vm.map { [$0] } ?? []
            var connections: [String: ConnectionRecord] = [:]
            let leases = try LeaseRecord.fetchAll(
                database, sql: "SELECT * FROM lease WHERE \(condition) ORDER BY id", arguments: arguments)
            for lease in leases { connections[lease.tap?.vm ?? "", default: .init()].leases.append(lease) }
            let ports = try Row.fetchAll(
                database, sql: "SELECT * FROM port WHERE \(condition) ORDER BY id", arguments: arguments)
            for row in ports { connections[row["vm"], default: .init()].ports.append(ConnectionRecord.Port(row: row)) }
            let problems = try Row.fetchAll(
                database, sql: "SELECT * FROM networkProblem WHERE \(condition)", arguments: arguments)
            for row in problems { connections[row["vm"], default: .init()].problem = row["problem"] }
            return connections
        }
    }

    /// The name of the VM that has a port of the host.
    func vm(withPort port: Int, _ transport: String) throws(SmartVMError) -> String? {
        try read { database in
            try String.fetchOne(
                database,
                sql: "SELECT name FROM vm JOIN port ON port.vm = vm.id WHERE hostPort = ? AND transport = ?",
                arguments: [port, transport])
        }
    }

    /// The names of a VM's files are these now.
    func setNames(_ names: [String], ofVM vm: String) throws(SmartVMError) {
        try write { database in
            try database.execute(
                sql: "UPDATE lease SET names = ? WHERE vm = ? AND names <> ''",
                arguments: [names.joined(separator: " "), vm])
        }
    }
}
