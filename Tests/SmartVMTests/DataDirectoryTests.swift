import Foundation
import Testing

@testable import SmartVM

@Suite("The data directory")
struct DataDirectoryTests {
    static func path(_ variables: [String: String], user: UInt32 = 1000) throws -> String {
        try DataDirectory(HostEnvironment(variables: variables, user: user)).path
    }

    @Test("the variable goes before everything else")
    func variable() throws {
        #expect(try Self.path(["SMARTVM_DATA_DIR": "/d", "XDG_DATA_HOME": "/x", "HOME": "/h"], user: 0) == "/d")
        #expect(try Self.path(["SMARTVM_DATA_DIR": "", "XDG_DATA_HOME": "/x"]) == "/x/smartvm")
    }

    @Test("root's is below /var/lib, and a user's below XDG_DATA_HOME or HOME")
    func defaults() throws {
        #expect(try Self.path(["HOME": "/root"], user: 0) == "/var/lib/smartvm")
        #expect(try Self.path(["XDG_DATA_HOME": "/x", "HOME": "/h"]) == "/x/smartvm")
        #expect(try Self.path(["HOME": "/h"]) == "/h/.local/share/smartvm")
        #expect(try Self.path(["XDG_DATA_HOME": "relative", "HOME": "/h"]) == "/h/.local/share/smartvm")
        let error = #expect(throws: SmartVMError.self) { try Self.path([:]) }
        #expect(error?.code == .dataDirectoryUnusable)
    }

    @Test("it is made with all above it, for its user alone")
    func prepares() throws {
        let directory = try TestDirectory()
        let data = DataDirectory(path: "\(directory.path)/a/b")
        try data.prepare()
        let attributes = try FileManager.default.attributesOfItem(atPath: data.path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        try data.prepare()
        #expect(try data.directory("images") == "\(data.path)/images")
    }

    @Test("a file in its place is an error that names it and the cure")
    func unusable() throws {
        let directory = try TestDirectory()
        let file = try directory.file("data", [])
        for path in [file, "\(file)/below", "/proc/smartvm"] {
            let error = #expect(throws: SmartVMError.self) { try DataDirectory(path: path).prepare() }
            #expect(error?.code == .dataDirectoryUnusable)
            #expect(error?.message.contains(path) == true)
            #expect(error?.cure?.contains("SMARTVM_DATA_DIR") == true)
        }
    }

    @Test("a relative path is taken from the current directory")
    func relative() {
        #expect(DataDirectory(path: "data").path == "\(FileManager.default.currentDirectoryPath)/data")
    }
}
