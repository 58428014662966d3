import GRDB
import Glibc
import Linux
import Testing

@testable import SmartVM

@Suite("Store")
struct StoreTests {
    private let key = NetworkKey(namespace: "1", bridge: "b")
    private let owner = ProcessIdentity(pid: 1, startTime: .max, bootID: "boot")

    @Test("what is written is there for another process, in a file for its user alone")
    func persistence() throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/smartvm.db"
        let tap = LeaseRecord.Tap(vm: "v", interface: "eth0", name: "svx", mac: "02:00:00:00:00:01")
        let network = NetworkRecord(
            key: key, subnet: "10.0.0.0/24", previousForwarding: true, bootID: "boot")
        let first = Store(path: path)
        try first.put(network)
        let lease = try first.lease(in: key, addresses: 0xffff_fff0...0xffff_fff1, owner: owner, tap: tap)
        #expect(lease?.address == 0xffff_fff0 && lease?.owner == owner && lease?.tap == tap)

        let second = Store(path: path)
        #expect(try second.networkState() == NetworkState(networks: [network], leases: [lease].compactMap { $0 }))
        #expect(try second.lease(in: key, addresses: 0xffff_fff0...0xffff_fff1, owner: owner)?.address == 0xffff_fff1)
        #expect(try first.lease(in: key, addresses: 0xffff_fff0...0xffff_fff1, owner: owner) == nil)
        // Another network may give out the same address.
        let other = NetworkKey(namespace: "2", bridge: "b")
        #expect(try first.lease(in: other, addresses: 0xffff_fff0...0xffff_fff1, owner: owner) != nil)
        // Nothing is given twice, even if it is asked for.
        #expect(throws: SmartVMError.self) {
            try second.lease(in: key, addresses: 1...9, owner: owner, tap: tap)
        }
        try first.delete(leases: try first.networkState().leases.map(\.id) + [99])
        try first.delete(key)
        try first.delete(key)
        #expect(try second.networkState() == NetworkState(networks: [], leases: []))
        for name in try FileTree.names(at: directory.path) {
            #expect(try FileStatus(of: "\(directory.path)/\(name)").mode == 0o600, "\(name)")
        }
    }

    @Test("a file that is no database, or a damaged or foreign one, is refused with its name and a cure")
    func unusable() throws {
        let directory = try TestDirectory()
        func code(_ path: String) -> String? {
            let error = #expect(throws: SmartVMError.self) { try Store(path: path).networkState() }
            #expect(error?.message.contains(path) == true && error?.cure != nil)
            return error?.code.rawValue
        }
        let garbage = "\(directory.path)/garbage.db"
        try File.write((0..<8192).map { _ in UInt8.random(in: 0...255) }, to: garbage)
        #expect(code(garbage) == "STORE_UNUSABLE")

        let damaged = "\(directory.path)/damaged.db"
        _ = try Store(path: damaged).networkState()
        var bytes = try File.read(damaged)
        for index in bytes.indices.dropFirst(100) { bytes[index] = 0xff }
        for name in try FileTree.names(at: directory.path) where name.hasPrefix("damaged.db-") {
            unlink("\(directory.path)/\(name)")
        }
        try File.write(bytes, to: damaged)
        #expect(code(damaged) == "STORE_UNUSABLE")

        let foreign = "\(directory.path)/foreign.db"
        let database = Store(path: foreign)
        try database.write { try $0.execute(sql: "PRAGMA application_id = 7") }
        #expect(code(foreign) == "STORE_UNUSABLE")

        let newer = "\(directory.path)/newer.db"
        try Store(path: newer).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of tomorrow')")
        }
        #expect(code(newer) == "STORE_UNUSABLE")

        #expect(code("\(directory.path)/missing/smartvm.db") == "DATA_DIRECTORY_UNUSABLE")
        try FileTree.makeDirectory("\(directory.path)/folder", mode: 0o700)
        #expect(code("\(directory.path)/folder") == "DATA_DIRECTORY_UNUSABLE")
    }

    @Test("many at once open, migrate and write a new database without a collision")
    func concurrency() async throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/smartvm.db"
        let addresses = try await withThrowingTaskGroup(of: UInt32?.self) { group in
            for _ in 0..<8 {
                group.addTask { [key, owner] in
                    let store = Store(path: path)
                    return try await BlockingWork.run {
                        try store.lease(in: key, addresses: 1...100, owner: owner)?.address
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(addresses.compactMap { $0 }) == Set(1...8))
    }
}
