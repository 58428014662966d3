import Glibc
import Linux
import Testing

@testable import GuestAgent

@Suite("Programs")
struct ProgramTests {
    /// A directory of its own with files of the given modes, removed at the end.
    private func withFiles(
        _ files: [(name: String, mode: UInt32, bytes: [UInt8])], _ body: (String) throws -> Void
    ) throws {
        let directory = "/tmp/guest-agent-tests-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileTree.makeDirectories(directory)
        defer {
            if let opened = try? FileTree.openDirectory(directory) { FileTree.removeContents(of: opened) }
            rmdir(directory)
        }
        for file in files {
            try File.write(file.bytes, to: directory + "/" + file.name, mode: 0o600)
            try FileTree.setMode(directory + "/" + file.name, file.mode)
        }
        try body(directory)
    }

    @Test("a name is looked for in the path, and the first that can be executed is taken")
    func search() throws {
        try withFiles([("tool", 0o755, []), ("data", 0o644, [])]) { (directory: String) throws in
            let searchPath = "/nonexistent:\(directory)"
            #expect(
                try ProgramLookup.path(of: "tool", searchPath: searchPath, workingDirectory: "/") == directory + "/tool"
            )
            #expect(
                try ProgramLookup.path(of: "./tool", searchPath: "", workingDirectory: directory) == directory
                    + "/./tool")
            #expect(
                try ProgramLookup.path(of: "tool", searchPath: ":/bin", workingDirectory: directory) == directory
                    + "/tool")
            #expect(throws: CommandFailure(127, "nosuch: command not found")) {
                try ProgramLookup.path(of: "nosuch", searchPath: searchPath, workingDirectory: "/")
            }
            let failure = #expect(throws: CommandFailure.self) {
                try ProgramLookup.path(of: "data", searchPath: searchPath, workingDirectory: "/")
            }
            #expect(failure?.status == 126)
            #expect(failure?.message.contains("not executable") == true)
            #expect(throws: CommandFailure.self) {
                try ProgramLookup.path(of: "", searchPath: searchPath, workingDirectory: "/")
            }
        }
    }

    /// The header of an ELF file with one program header, of the loader.
    static func elf(machine: UInt16, interpreter: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 120)
        bytes.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
        bytes[16] = 2
        bytes[18] = UInt8(machine & 0xff)
        bytes[19] = UInt8(machine >> 8)
        bytes[32] = 64
        bytes[54] = 56
        bytes[56] = 1
        bytes[64] = 3
        bytes[72] = 120
        return bytes + Array(interpreter.utf8) + [0]
    }

    @Test("the head of a program says what can run it")
    func headers() {
        #expect(
            ProgramHeader(Self.elf(machine: 183, interpreter: "/lib/ld.so"))
                == .elf(machine: 183, interpreter: "/lib/ld.so"))
        #expect(ProgramHeader(Array("#! /bin/python3 -u\nx".utf8)) == .script(interpreter: "/bin/python3"))
        #expect(ProgramHeader(Array("echo".utf8)) == .unknown)
        #expect(ProgramHeader([]) == .unknown)
        // Nothing that a file may hold leads outside of it.
        for _ in 0..<20_000 {
            var bytes = Self.elf(machine: 62, interpreter: "/lib/ld.so")
            for _ in 0..<4 { bytes[Int.random(in: 4..<bytes.count)] = UInt8.random(in: 0...255) }
            _ = ProgramHeader(Array(bytes.prefix(Int.random(in: 0...bytes.count))))
        }
    }

    @Test("why a program could not be executed is said in a sentence")
    func explanations() throws {
        try withFiles([
            ("arm", 0o755, Self.elf(machine: 183, interpreter: "/lib/ld.so")),
            ("script", 0o755, Array("#!/no/such\n".utf8)),
            ("text", 0o755, Array("hello".utf8)), ("plain", 0o644, []),
        ]) { (directory: String) throws in
            func explain(_ error: Errno, _ name: String) -> CommandFailure {
                ProgramLookup.explanation(of: error, path: directory + "/" + name, name: name)
            }
            let foreign =
                Machine.architecture == "aarch64"
                ? "is damaged" : "is for aarch64, this guest is \(Machine.architecture)"
            #expect(
                explain(.notExecutable, "arm") == CommandFailure(126, "arm: exec format error: the program \(foreign)"))
            #expect(
                explain(.noSuchFile, "script")
                    == CommandFailure(127, "script: its interpreter /no/such does not exist in this guest"))
            #expect(explain(.noSuchFile, "arm").status == 127)
            #expect(explain(.noSuchFile, "arm").message.contains("its loader /lib/ld.so does not exist"))
            #expect(explain(.notExecutable, "text").status == 126)
            #expect(explain(.permissionDenied, "plain").status == 126)
            #expect(
                ProgramLookup.explanation(of: .permissionDenied, path: directory, name: "dir")
                    == CommandFailure(126, "dir: is a directory"))
            #expect(explain(.noSuchFile, "nosuch") == CommandFailure(127, "nosuch: no such file or directory"))
            #expect(explain(.argumentListTooLong, "text").status == 126)
        }
    }

    @Test("an environment has what every program relies on, and the last of equal keys")
    func environment() {
        let user = ResolvedUser(userID: 0, groupID: 0, groups: [0], name: "root", home: "/root")
        #expect(
            CommandEnvironment.complete(["A=1", "HOME=/x", "A=2", "AB=3"], user: user, terminal: true) == [
                "A=2", "HOME=/x", "AB=3", "PATH=\(ProgramLookup.defaultSearchPath)", "USER=root", "TERM=xterm",
            ])
        let nobody = ResolvedUser(userID: 5, groupID: 0, groups: [0], name: nil, home: "/")
        #expect(
            CommandEnvironment.complete(["PATH=/bin"], user: nobody, terminal: false) == ["PATH=/bin", "HOME=/"])
        #expect(CommandEnvironment.value("A", in: ["AB=3", "A=x=y"]) == "x=y")
        #expect(CommandEnvironment.value("C", in: ["AB=3"]) == nil)
    }
}
