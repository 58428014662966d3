import Glibc
import GuestFiles
import GuestProtocol
import Linux
import Testing

@Suite("Trees of files as archives", .timeLimit(.minutes(2)))
struct TreeTests {
    @Test("a tree comes back as it was: contents, modes, times, owners, links, holes, any names")
    func roundTrip() throws {
        let scratch = try Scratch()
        try scratch.makeTree("tree")
        let archive = ArchiveBuffer()
        let packed = try TreePacker(archive).pack(scratch.bytes("tree"))
        // The holes are not in it.
        #expect(archive.bytes.count < 2 << 20)
        let unpacked = try unpack(ArchiveBuffer(archive.bytes), to: scratch.bytes("copy"), root: "tree")
        #expect(try scratch.listing("tree") == scratch.listing("copy"))
        #expect(packed.files == unpacked.files && packed.bytes == unpacked.bytes)
        #expect(packed.directories == 6 && packed.symbolicLinks == 3)
        let blocks = try scratch.shell("du -k copy/sparse copy/hole | cut -f1 | paste -sd' '").split(separator: " ")
        #expect(blocks.allSatisfy { (Int($0.filter { $0.isNumber }) ?? .max) < 1000 })
        #expect(try scratch.shell("stat -c %i copy/hello copy/dir/second | uniq | wc -l") == "1\n")
    }

    @Test("tar reads what is written, and what it writes is read", arguments: ["posix", "gnu", "ustar"])
    func tar(format: String) throws {
        let scratch = try Scratch()
        try scratch.makeTree("tree")
        if format == "ustar" {
            // It has no room for these.
            try scratch.shell("cd tree; rm -rf n* longlink dir/old; [ $(id -u) != 0 ] || chown 0:0 hello dir")
        }
        let archive = ArchiveBuffer()
        _ = try TreePacker(archive).pack(scratch.bytes("tree"))
        try scratch.shell("mkdir out; tar -C out -xpf - --same-owner --warning=no-timestamp", input: archive.bytes)
        let (original, extracted) = (try scratch.listing("tree"), try scratch.listing("out/tree"))
        for (line, other) in zip(original.split(separator: "\n"), extracted.split(separator: "\n")) {
            #expect(line == other)
        }
        #expect(original == extracted)

        let sparse = format == "posix" ? "-S" : ""
        try scratch.shell("tar --format=\(format) \(sparse) -cf made.tar tree")
        let made = try File.read(scratch("made.tar"), limit: 100 << 20)
        try scratch.shell("mkdir in")
        _ = try unpack(ArchiveBuffer(made), to: scratch.bytes("in"), root: nil)
        // Only pax has fractions of seconds.
        let withTimes = format == "posix"
        #expect(
            try scratch.listing("tree", withTimes: withTimes) == scratch.listing("in/tree", withTimes: withTimes))
    }

    @Test("a file does not take the place of a device, a pipe or a socket, nor of what a link to one leads to")
    func overSpecialFiles() throws {
        let scratch = try Scratch()
        try scratch.shell("echo hello > file; mkfifo pipe; ln -s pipe link")
        let archive = ArchiveBuffer()
        _ = try TreePacker(archive).pack(scratch.bytes("file"))
        for name in ["pipe", "link"] {
            let error = #expect(throws: TransferError.self) {
                try unpack(ArchiveBuffer(archive.bytes), to: scratch.bytes(name), root: "file")
            }
            #expect("\(String(describing: error))".contains("does not take the place of a device"))
        }
        #expect(try scratch.shell("stat -c %F pipe link") == "fifo\nsymbolic link\n")
    }

    @Test("old sparse formats are refused by name")
    func oldSparse() throws {
        let scratch = try Scratch()
        try scratch.shell("truncate -s 1M hole; tar --format=gnu -S -cf made.tar hole; mkdir in")
        let made = try File.read(scratch("made.tar"))
        let error = #expect(throws: TransferError.self) {
            try unpack(ArchiveBuffer(made), to: scratch.bytes("in"), root: nil)
        }
        #expect(error?.failure.reason.contains("--format=posix") == true)
    }

    @Test("where a copy goes follows cp")
    func destinations() throws {
        let scratch = try Scratch()
        try scratch.shell(
            "mkdir -p src/sub there; echo a > src/a; echo b > src/sub/b; echo old > file; ln -s file link")
        func copy(_ from: String, _ to: String) throws {
            let archive = ArchiveBuffer()
            _ = try TreePacker(archive).pack(scratch.bytes(from))
            let name = String(decoding: CopyPath(scratch.bytes(from)).name, as: UTF8.self)
            _ = try unpack(ArchiveBuffer(archive.bytes), to: scratch.bytes(to), root: name)
        }
        try copy("src", "new")
        #expect(try scratch.shell("cat new/a new/sub/b") == "a\nb\n")
        try copy("src", "there")
        #expect(try scratch.shell("cat there/src/a") == "a\n")
        try copy("src/.", "there")
        #expect(try scratch.shell("cat there/a there/sub/b") == "a\nb\n")
        try copy("src/.", "made")
        #expect(try scratch.shell("cat made/a; ls made") == "a\na\nsub\n")
        try copy("src/", "slash")
        #expect(try scratch.shell("cat slash/a") == "a\n")
        try copy("src/a", "there")
        try copy("src/a", "renamed")
        try copy("src/sub/b", "link")
        // The link stays; the file behind it is replaced.
        #expect(try scratch.shell("cat there/a renamed file; readlink link") == "a\na\nb\nfile\n")
        for (from, to, errno) in [
            ("src/a", "missing/", ENOENT), ("src/a", "no/such", ENOENT), ("src", "no/such", ENOENT), ("src", "file", 0),
            ("src/a", "file/", ENOTDIR), ("src/a/", "new2", ENOTDIR), ("nothing", "new2", ENOENT),
        ] {
            let error = #expect(throws: TransferError.self) { try copy(from, to) }
            #expect(error?.failure.errno == errno, "\(from) to \(to)")
        }
        try copy("src/a", "there/src")
        #expect(throws: TransferError.file(path: scratch.bytes("there/a2/a"), .isDirectory)) {
            try scratch.shell("mkdir -p there/a2/a")
            try copy("src/a", "there/a2")
        }
    }

    @Test("devices, pipes, sockets and other file systems are left out and told; alone they are refused")
    func special() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir tree; mkfifo tree/pipe; echo x > tree/file")
        let socket = try UnixSocket.listen(at: scratch("tree/s"))
        defer { withExtendedLifetime(socket) {} }
        let archive = ArchiveBuffer()
        let summary = try TreePacker(archive).pack(scratch.bytes("tree"))
        #expect(summary.skippedCount == 2 && summary.files == 1)
        #expect(summary.skipped == [scratch("tree/pipe"), scratch("tree/s")])
        #expect(throws: TransferError.self) { try TreePacker(ArchiveBuffer()).pack(Array("/dev/null".utf8)) }
        #expect(throws: TransferError.self) { try TreePacker(ArchiveBuffer()).pack(scratch.bytes("tree/pipe")) }
        // tar archives the pipe; nothing is made of it.
        try scratch.shell("tar -cf made.tar tree/pipe tree/file; mkdir in")
        let unpacked = try unpack(
            ArchiveBuffer(try File.read(scratch("made.tar"))), to: scratch.bytes("in"), root: nil)
        #expect(unpacked.skipped == ["tree/pipe"] && unpacked.files == 1)
        #expect(!File.exists(scratch("in/tree/pipe")))
    }

    @Test("set-user-id bits are kept only if they are asked for, owners too")
    func modes() throws {
        let scratch = try Scratch()
        var special = entry("x", mode: 0o6755)
        special.owner = 4242
        special.group = 4243
        for keeps in [false, true] {
            let archive = try ArchiveBuffer.of([(special, [1])])
            _ = try unpack(archive, to: scratch.bytes("x"), root: "x", keepsOwners: keeps) {
                $0.keepsSpecialModes = keeps
            }
            let status = try FileStatus(of: scratch("x"))
            #expect(status.mode == (keeps ? 0o6755 : 0o755))
            if geteuid() == 0 { #expect(status.owner == (keeps ? 4242 : 0)) }
        }
    }
}
