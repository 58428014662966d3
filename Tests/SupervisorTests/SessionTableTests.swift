import Testing

@testable import Supervisor

@Suite("sessions of UDP")
struct SessionTableTests {
    @Test("a session lasts from its last use on, and longer once it has been answered")
    func patience() {
        var table = SessionTable<Int, String>(limit: 4)
        #expect(table.insert("a", for: 1, at: 0, patience: 60) == nil)
        #expect(table.insert("b", for: 2, at: 10, patience: 60) == nil)
        #expect(table.use(1, at: 30) == "a")
        #expect(table.removeExpired(at: 70) == ["b"])
        #expect(table.use(1, at: 80, patience: 120) == "a")
        #expect(table.removeExpired(at: 199) == [])
        #expect(table.removeExpired(at: 200) == ["a"])
        #expect(table.isEmpty && table.use(1, at: 200) == nil)
    }

    @Test("with too many the one that has rested longest makes way")
    func limit() {
        var table = SessionTable<Int, Int>(limit: 3)
        for key in 0..<3 { #expect(table.insert(key, for: key, at: UInt64(key), patience: 60) == nil) }
        #expect(table.use(0, at: 5) == 0)
        #expect(table.insert(3, for: 3, at: 6, patience: 60) == 1)
        #expect(table.insert(4, for: 4, at: 7, patience: 60) == 2)
        #expect(table.count == 3 && table.use(0, at: 8) == 0)
    }
}
