import GRDB
import Linux
import Testing

@testable import SmartVM

@Suite("room that is kept for the database")
struct StoreReserveTests {
    @Test("it is taken when the database is opened, given away once, and taken again")
    func reserve() throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/smartvm.db"
        _ = try Store(path: path).vms()
        let reserve = StoreReserve(path: "\(path).reserve")
        #expect(try FileStatus(of: reserve.path).allocated >= StoreReserve.size)
        #expect(reserve.release())
        #expect(!reserve.release())
        #expect(try FileStatus(of: reserve.path).allocated == 0)
        _ = try Store(path: path).vms()
        #expect(try FileStatus(of: reserve.path).allocated >= StoreReserve.size)
    }

    @Test("a write that finds no room is tried again with the reserve, unless it may not have it")
    func retry() throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/smartvm.db"
        let reserve = StoreReserve(path: "\(path).reserve")
        var attempts = 0
        func failing(until limit: Int, usesReserve: Bool) throws -> Int {
            attempts = 0
            return try Store(path: path).write(usesReserve: usesReserve) { _ in
                attempts += 1
                if attempts <= limit { throw DatabaseError(resultCode: .SQLITE_FULL) }
                return attempts
            }
        }
        #expect(try failing(until: 1, usesReserve: true) == 2)
        // The store was closed, and has filled it again.
        #expect(try FileStatus(of: reserve.path).allocated >= StoreReserve.size)
        for usesReserve in [true, false] {
            let error = #expect(throws: SmartVMError.self) { try failing(until: .max, usesReserve: usesReserve) }
            #expect(error?.code.rawValue == "NO_SPACE" && attempts == (usesReserve ? 2 : 1))
        }
    }
}
