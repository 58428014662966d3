import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("QEMU's user")
struct QEMUUserTests {
    private static let accounts = Array("root:x:0:0::/root:/bin/sh\nbroken\nnobody:x:65534:65533::/:/bin/false\n".utf8)

    private func user(_ text: String, capabilities: UInt64 = .max) throws(QEMUUser.Refusal) -> QEMUUser {
        try QEMUUser(text, accounts: Self.accounts, capabilities: capabilities)
    }

    @Test("is a name, a number or two")
    func forms() throws {
        let nobody = QEMUUser(userID: 65534, groupID: 65533)
        #expect(try user("nobody") == nobody)
        #expect(try user("65534") == nobody)
        #expect(try user("7:8") == QEMUUser(userID: 7, groupID: 8))
    }

    @Test(
        "is refused if nobody is called so, or if this process is not root's",
        arguments: ["nosuch", "7", "", "a:b", "1:", "-1"])
    func refusals(text: String) {
        #expect(throws: QEMUUser.Refusal.self) { try user(text) }
        let refusal = #expect(throws: QEMUUser.Refusal.self) { try user("nobody", capabilities: 1 << 6 | 1 << 7) }
        #expect(refusal?.sentence.contains("CAP_SYS_PTRACE") == true)
    }

    @Test("may open what the file's mode lets it")
    func modes() throws {
        let file = try SparseFile.inMemory("test", size: 0)
        let nobody = QEMUUser(userID: 65534, groupID: 65533)
        #expect(nobody.mayOpen(file.rawValue, writable: true))
        #expect(try nobody.readableCopy(of: file.rawValue) == nil)
        let status = try File.read("/proc/self/fd/\(file.rawValue)")
        #expect(status.isEmpty)
    }
}
