internal import FirecrackerClient
internal import GRDB
internal import Glibc
internal import Linux
internal import Synchronization

/// What SmartVM has made on the host and must be able to take back: one SQLite database in the data directory.
///
/// Theory of operation. A row is committed *before* the effect that it announces, and removed after the effect has been undone; so
/// whatever is killed at whatever instruction, all that it has made is written down, and perhaps something that it has not. Each row
/// names the process that it belongs to (``RowOwner``). Whoever comes next takes back the rows of processes that have ended.
///
/// The journal is written ahead (WAL) and not synchronised at each commit: a commit survives the death of every process, and a
/// crash of the machine, after which the newest rows may be missing, leaves nothing that they could have named.
///
/// Calls block the thread, for 10 seconds at most: make them in ``BlockingWork``.
final class Store: Sendable {
    /// How long a call waits for another process's transaction.
    static let patience = Duration.seconds(10)
    /// "SMVM", by which the database is told from those of other programs.
    private static let applicationID = 0x534d_564d

    /// The database's file; nil if it is in memory, for this process alone.
    let path: String?
    /// Opened at the first use, so that making a ``Store`` costs nothing.
    private let database = Mutex<DatabaseQueue?>(nil)
    private let reserve: StoreReserve?
    /// Whether the reserve was given away here.
    private let hasReleased = Mutex(false)

    /// - Parameter path: A file in a directory that is there. It is made, mode 0600, when it is first used.
    init(path: String?) {
        self.path = path
        reserve = path.map { StoreReserve(path: "\($0).reserve") }
    }

    deinit {
        guard hasReleased.withLock({ $0 }) else { return }
        // Closed first, so that the journal's room is there to be taken.
        database.withLock { $0 = nil }
        reserve?.fill()
    }

    /// Runs `body` in a read-only transaction.
    ///
    /// - Throws: What `body` throws; `STORE_UNUSABLE`, `STORE_BUSY`, `DATA_DIRECTORY_UNUSABLE`, `NO_SPACE`.
    func read<Result>(_ body: (Database) throws -> Result) throws(SmartVMError) -> Result {
        try attempt(usesReserve: true) { try opened().read(body) }
    }

    /// Runs `body` in a transaction that excludes the writers of all processes, and commits it unless `body` throws.
    ///
    /// - Parameter usesReserve: Whether it may take the room that is kept for putting things right on a full disk.
    /// - Throws: What `body` throws; `STORE_UNUSABLE`, `STORE_BUSY`, `DATA_DIRECTORY_UNUSABLE`, `NO_SPACE`.
    func write<Result>(
        usesReserve: Bool = true, _ body: (Database) throws -> Result
    ) throws(SmartVMError) -> Result {
        try attempt(usesReserve: usesReserve) { try opened().write(body) }
    }

    /// Does it once more, with the reserve, if the disk is full.
    private func attempt<Result>(usesReserve: Bool, _ body: () throws -> Result) throws(SmartVMError) -> Result {
        let place = path ?? "in memory"
        // Another process that finds room may fill the reserve again before this one has made use of it.
        for _ in 0..<10 {
            do {
                return try body()
            } catch {
                guard let reserve, Self.isShortOfSpace(error, reserve) else { throw .store(error, at: place) }
                guard usesReserve, reserve.release() else { throw .noSpace(at: place, underlying: error) }
                hasReleased.withLock { $0 = true }
            }
        }
        throw .noSpace(at: place)
    }

    /// SQLite does not always say that the disk is full: to some parts of it every failed write is the same.
    private static func isShortOfSpace(_ error: any Error, _ reserve: StoreReserve) -> Bool {
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_FULL: true
        case .SQLITE_IOERR, .SQLITE_CANTOPEN: reserve.isDiskFull
        default: false
        }
    }

    private func opened() throws -> DatabaseQueue {
        try database.withLock { database in
            if let database { return database }
            let new = try open()
            database = new
            reserve?.fill()
            return new
        }
    }

    private func open() throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(10)
        configuration.label = "smartvm.store"
        guard let path else {
            let queue = try DatabaseQueue(configuration: configuration)
            try migrate(queue)
            return queue
        }
        // Two processes must not both turn on the journal, or make the tables.
        let lock = try Self.lock(path)
        configuration.journalMode = .wal
        defer { withExtendedLifetime(lock) {} }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try migrate(queue)
        return queue
    }

    /// Holds a file beside the database, and makes the database's file if there is none, since the journal's files take its mode.
    ///
    /// A database that is there is never opened here: closing a descriptor gives up all of the locks that SQLite has on that file in
    /// this process, and then another process takes its journal away.
    private static func lock(_ path: String) throws(SmartVMError) -> FileLock {
        let deadline = ContinuousClock.now + patience
        do throws(Errno) {
            while true {
                do throws(Errno) {
                    let lock = try FileLock("\(path).lock")
                    do throws(Errno) { _ = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL) } catch .fileExists {}
                    return lock
                } catch .wouldBlock where ContinuousClock.now < deadline {
                    usleep(10_000)
                }
            }
        } catch .wouldBlock {
            throw SmartVMError(
                .storeBusy, "The database \(path) is being opened by another smartvm, for more than 10 seconds.",
                cure: "See what that one does: `fuser \(path).lock` names it.")
        } catch {
            throw SmartVMError(
                .dataDirectoryUnusable, "The database \(path) cannot be opened and written: \(error).",
                cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
        }
    }

    /// Brings the tables up to date, after it has been made sure that they are SmartVM's.
    private func migrate(_ queue: DatabaseQueue) throws {
        let place = path ?? "in memory"
        let migrator = StoreSchema.migrator
        let isUpToDate = try queue.read { database in
            let applicationID = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
            let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
            guard applicationID == Self.applicationID || isEmpty else {
                throw SmartVMError(
                    .storeUnusable, "\(place) is the database of another program.",
                    cure: "Move it away, or set SMARTVM_DATA_DIR to another directory.")
            }
            if isEmpty { return false }
            guard try !migrator.hasBeenSuperseded(database) else {
                throw SmartVMError(
                    .storeUnusable, "The database \(place) was made by a newer version of SmartVM.",
                    cure: "Use that version, or set SMARTVM_DATA_DIR to another directory.")
            }
            return try migrator.hasCompletedMigrations(database)
        }
        if isUpToDate { return }
        try queue.write { try $0.execute(sql: "PRAGMA application_id = \(Self.applicationID)") }
        try migrator.migrate(queue)
    }
}
