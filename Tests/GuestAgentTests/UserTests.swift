import Testing

@testable import GuestAgent

@Suite("Users")
struct UserTests {
    static let passwd = Array(
        """
        root:x:0:0:root:/root:/bin/sh
        broken line
        app:x:1000:1001:An app:/home/app:/bin/sh
        1005:x:7:7::/seven:/bin/sh
        nohome:x:8:8:::/bin/sh
        """.utf8)
    static let group = Array(
        """
        root:x:0:
        app:x:1001:
        video:x:44:app,other
        audio:x:29:other,app
        wheel:x:10:approximately
        """.utf8)

    private func resolve(_ specification: String) throws -> ResolvedUser {
        try ResolvedUser(specification, passwd: Self.passwd, group: Self.group)
    }

    @Test("the lines of account files are read, and broken ones passed over")
    func files() {
        #expect(AccountFiles.users(Self.passwd).map(\.name) == ["root", "app", "1005", "nohome"])
        #expect(
            AccountFiles.groups(Self.group).first { $0.name == "video" }
                == GroupEntry(name: "video", groupID: 44, members: ["app", "other"]))
        #expect(AccountFiles.users([]).isEmpty)
        #expect(AccountFiles.users(Array("a:b\n::::::\nx:x:-1:0::/:\n".utf8)).isEmpty)
    }

    @Test("a name has its account's IDs, home and groups")
    func name() throws {
        #expect(
            try resolve("app")
                == ResolvedUser(userID: 1000, groupID: 1001, groups: [1001, 44, 29], name: "app", home: "/home/app"))
        #expect(try resolve("nohome").home == "/")
    }

    @Test("a number is that of an account, or needs none")
    func number() throws {
        #expect(try resolve("1000").name == "app")
        #expect(try resolve("4242") == ResolvedUser(userID: 4242, groupID: 0, groups: [0], name: nil, home: "/"))
    }

    @Test("a name comes before a number")
    func nameOfDigits() throws {
        #expect(try resolve("1005").userID == 7)
    }

    @Test("a group that is named is the only one")
    func group() throws {
        #expect(try resolve("app:video").groups == [44])
        #expect(
            try resolve("1000:55")
                == ResolvedUser(userID: 1000, groupID: 55, groups: [55], name: "app", home: "/home/app"))
        #expect(try resolve("app:").groups == [1001, 44, 29])
    }

    @Test("who nobody is, is said")
    func unknown() {
        #expect(throws: UnknownAccount(kind: .user, name: "nosuch")) { try resolve("nosuch") }
        #expect(throws: UnknownAccount(kind: .group, name: "nosuch")) { try resolve("app:nosuch") }
        #expect(throws: UnknownAccount(kind: .user, name: "-1")) { try resolve("-1") }
        #expect(throws: UnknownAccount(kind: .user, name: "4294967295")) { try resolve("4294967295") }
        #expect(throws: UnknownAccount(kind: .user, name: "")) { try resolve("") }
    }
}
