import Glibc
import GuestFiles
import GuestProtocol
import Linux
import Testing

@Suite("Archives of an enemy", .timeLimit(.minutes(2)))
struct HostileArchiveTests {
    /// Unpacks in `in`, which lies beside `secret`, and says what was refused.
    private func refusal(
        _ members: [(ArchiveEntry, [UInt8])], root: String? = nil, prepare: String = "",
        change: (inout TreeUnpacker.Options) -> Void = { _ in }
    ) throws -> FileFailure? {
        let scratch = try Scratch()
        try scratch.shell("mkdir in out; echo secret > secret; echo secret > out/file; \(prepare)")
        defer {
            #expect((try? scratch.shell("cat secret out/file; ls out")) == "secret\nsecret\nfile\n")
            #expect((try? scratch.shell("chmod -R u+rwx in; find . -name '.smartvm*'")) == "")
        }
        let archive = try ArchiveBuffer.of(members)
        do throws(TransferError) {
            _ = try unpack(archive, to: scratch.bytes("in"), root: root, change: change)
            return nil
        } catch {
            return error.failure
        }
    }

    @Test(
        "names that lead out are refused",
        arguments: [
            "../secret", "/etc/x", "a/../../secret", "..", "a/..", "", String(repeating: "a/", count: 60) + "a\0b",
            String(repeating: "a/", count: 2048) + "b",
        ]
    )
    func names(name: String) throws {
        #expect(try refusal([(entry(name), Array("evil".utf8))]) != nil)
        #expect(try refusal([(entry("a", .directory), []), (entry(name, .directory), [])]) != nil)
        #expect(try refusal([(entry("f"), [1]), (entry("g", .hardLink(target: Array(name.utf8))), [])]) != nil)
    }

    @Test("a name of 256 bytes is refused, one of 255 is not")
    func longNames() throws {
        #expect(try refusal([(entry(String(repeating: "a", count: 256)), [])]) != nil)
        #expect(try refusal([(entry(String(repeating: "a", count: 255)), [])]) == nil)
    }

    @Test("nothing is written through links, neither the archive's nor those that were there")
    func links() throws {
        let out = ArchiveEntry.Kind.symbolicLink(target: Array("../out".utf8))
        let evil = Array("evil".utf8)
        #expect(try refusal([(entry("l", out), []), (entry("l/file"), evil)])?.reason.contains("link") == true)
        #expect(try refusal([(entry("l", out), []), (entry("l", .directory), []), (entry("l/file"), evil)]) != nil)
        #expect(try refusal([(entry("l", out), []), (entry("l/new/file"), evil)]) != nil)
        #expect(try refusal([(entry("l/file"), evil)], prepare: "ln -s ../out in/l") != nil)
        #expect(try refusal([(entry("l", .directory), [])], prepare: "ln -s ../out in/l") != nil)
        #expect(
            try refusal([(entry("l", out), []), (entry("h", .hardLink(target: Array("l/file".utf8))), [])]) != nil)
        // A file takes the place of a link, not of what the link leads to.
        let toFile = ArchiveEntry.Kind.symbolicLink(target: Array("../out/file".utf8))
        #expect(try refusal([(entry("l", toFile), []), (entry("l"), evil)]) == nil)
        #expect(try refusal([(entry("l"), evil)], prepare: "ln -s ../secret in/l") == nil)
        // A further name of such a link is a link, and is replaced too.
        #expect(
            try refusal([
                (entry("l", toFile), []), (entry("h", .hardLink(target: Array("l".utf8))), []), (entry("h"), evil),
            ]) == nil)
    }

    @Test("a file of the destination that is linked to is not written into")
    func hardLinks() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir in; echo mine > in/mine; ln in/mine other")
        let archive = try ArchiveBuffer.of([
            (entry("h", .hardLink(target: Array("mine".utf8))), []), (entry("h"), Array("evil".utf8)),
            (entry("mine"), Array("evil".utf8)),
        ])
        _ = try unpack(archive, to: scratch.bytes("in"), root: nil)
        #expect(try scratch.shell("cat other") == "mine\n")
    }

    @Test("only what was asked for is made")
    func unasked() throws {
        let log = entry("log", .directory, mode: 0o755)
        #expect(try refusal([(log, []), (entry("other"), [1])], root: "log") != nil)
        #expect(try refusal([(entry("other"), [1])], root: "log") != nil)
        #expect(try refusal([(entry("logs/x"), [1])], root: "log") != nil)
        #expect(
            try refusal([(log, []), (entry("log/h", .hardLink(target: Array("mine".utf8))), [])], root: "log") != nil)
        #expect(try refusal([(log, []), (entry("log/x"), [1])], root: "log") == nil)
        #expect(try refusal([], root: "log") != nil)
    }

    @Test("more members or bytes than allowed are refused")
    func limits() throws {
        let members = (0..<20).map { (entry("f\($0)"), [UInt8](repeating: 1, count: 100)) }
        #expect(try refusal(members) { $0.maximumEntries = 19 } != nil)
        #expect(try refusal(members) { $0.maximumBytes = 1999 } != nil)
        #expect(
            try refusal(members) {
                $0.maximumEntries = 20
                $0.maximumBytes = 2000
            } == nil)
    }

    @Test("modes of directories do not keep what is in them from being written")
    func lockedDirectories() throws {
        #expect(
            try refusal([
                (entry("d", .directory, mode: 0), []), (entry("d/e", .directory, mode: 0o500), []),
                (entry("d/e/f"), [1]),
            ]) == nil)
    }

    @Test("sizes and sparse maps that cannot be are refused")
    func sparseMaps() throws {
        for segments in [[5..<10, 0..<3], [0..<100]] as [[Range<Int64>]] {
            var sparse = entry("s")
            sparse.segments = segments
            let buffer = ArchiveBuffer()
            let writer = ArchiveWriter(buffer)
            sparse.size = 50
            try writer.begin(sparse)
            try writer.finish()
            let scratch = try Scratch()
            #expect(throws: TransferError.self) {
                try unpack(ArchiveBuffer(buffer.bytes), to: scratch.bytes("."), root: nil)
            }
        }
    }

    @Test("garbage, cuts and flipped bits are errors, never a trap, and leave no temporary file")
    func garbage() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir tree; echo a > tree/a; ln -s a tree/l; truncate -s 1M tree/s; echo x >> tree/s")
        let archive = ArchiveBuffer()
        _ = try TreePacker(archive).pack(scratch.bytes("tree"))
        let whole = archive.bytes
        var generator = SystemRandomNumberGenerator()
        var refused = 0
        try scratch.shell("mkdir in")
        for round in 0..<400 {
            var bytes = whole
            if round % 2 == 0 {
                bytes.removeLast(Int.random(in: 1025..<bytes.count, using: &generator))
            } else {
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(
                        in: 1...255, using: &generator)
                }
            }
            do throws(TransferError) {
                _ = try unpack(ArchiveBuffer(bytes), to: scratch.bytes("in"), root: nil)
            } catch {
                refused += 1
            }
        }
        // A cut between two members looks like an end.
        #expect(refused > 200)
        #expect(try scratch.shell("find in -name '.smartvm*'") == "")
    }
}
