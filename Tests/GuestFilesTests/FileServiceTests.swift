import Glibc
import GuestFiles
import GuestProtocol
import Linux
import Testing

/// The guest's side on a thread, over a socket pair.
private func connect() throws -> FileConnection {
    let pair = try SocketPair()
    var timeout = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(pair.first.rawValue, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    let other = pair.second.take()
    try Thread("file service") { FileService(FileConnection(Descriptor(owning: other))).serve() }.detach()
    return FileConnection(pair.first)
}

@Suite("File connections, as the guest serves them", .timeLimit(.minutes(2)))
struct FileServiceTests {
    private func read(_ path: [UInt8]) throws -> [UInt8] {
        let connection = try connect()
        try connection.send(.request(.read(path: path)))
        var bytes: [UInt8] = []
        while true {
            let piece = try connection.next(upTo: .max)
            if piece.isEmpty { break }
            bytes.append(contentsOf: piece)
        }
        let summary = try connection.receiveSummary()
        #expect(summary.bytes == UInt64(bytes.count))
        return bytes
    }

    private func write(_ path: [UInt8], _ bytes: [UInt8], _ permissions: UInt32 = 0o600) throws -> FileSummary {
        let connection = try connect()
        try connection.send(.request(.write(path: path, permissions: permissions)))
        try connection.sendData(bytes)
        try connection.send(.dataEnd)
        return try connection.receiveSummary()
    }

    private func failure(_ body: () throws -> Void) -> FileFailure? {
        do {
            try body()
            return nil
        } catch TransferError.peer(let failure) {
            return failure
        } catch {
            Issue.record("not the guest's: \(error)")
            return nil
        }
    }

    @Test("files are written and read, large ones and empty ones, and those of /proc")
    func readAndWrite() throws {
        let scratch = try Scratch()
        let large = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        for bytes in [large, [], [7]] {
            _ = try write(scratch.bytes("file"), bytes, 0o4711)
            #expect(try read(scratch.bytes("file")) == bytes)
            #expect(try FileStatus(of: scratch("file")).mode == 0o4711)
        }
        #expect(try read(Array("/proc/self/cmdline".utf8)) == File.read("/proc/self/cmdline"))
        try scratch.shell("ln -s file link")
        _ = try write(scratch.bytes("link"), [1, 2])
        #expect(try scratch.shell("readlink link; ls -A") == "file\nfile\nlink\n")
        #expect(try read(scratch.bytes("file")) == [1, 2])
    }

    @Test("errors name the path and the errno")
    func errors() throws {
        let scratch = try Scratch()
        try scratch.shell("mkdir dir; mkfifo pipe; : > file")
        for (path, errno) in [("nothing", ENOENT), ("dir", EISDIR), ("file/x", ENOTDIR), ("pipe", 0)] {
            let failure = failure { _ = try read(scratch.bytes(path)) }
            #expect(failure?.path == scratch(path) && failure?.errno == errno)
        }
        for (path, shown, errno) in [
            ("no/such", "no/", ENOENT), ("dir", "dir", EISDIR), ("dir/", "dir/", EISDIR), ("file/x", "file/", ENOTDIR),
        ] {
            let failure = failure { _ = try write(scratch.bytes(path), [UInt8](repeating: 0, count: 3 << 20)) }
            #expect(failure?.errno == errno, "\(path)")
            #expect(failure?.path == scratch(shown) || failure?.path == scratch(path), "\(path)")
        }
        #expect(try scratch.shell("find . -name '.smartvm*'") == "")
    }

    @Test("a full disk is told while the host still sends")
    func fullDisk() throws {
        guard geteuid() == 0 else { return }
        let scratch = try Scratch()
        try scratch.shell("mkdir small; mount -t tmpfs -o size=1m tmpfs small")
        defer { _ = try? scratch.shell("umount small") }
        let failure = failure {
            _ = try write(scratch.bytes("small/f"), [UInt8](repeating: 1, count: 64 << 20))
        }
        #expect(failure?.errno == ENOSPC && failure?.path == scratch("small/f"))
        #expect(try scratch.shell("ls -A small") == "")
    }

    @Test("a connection that ends early leaves nothing half-written")
    func broken() throws {
        let scratch = try Scratch()
        do {
            let connection = try connect()
            try connection.send(.request(.write(path: scratch.bytes("file"), permissions: 0o600)))
            try connection.sendData([UInt8](repeating: 1, count: 1 << 20))
            try connection.flush()
        }
        // The file is made and goes.
        let deadline = Clock.monotonicNanoseconds + 5_000_000_000
        while try !scratch.shell("ls -A").isEmpty, Clock.monotonicNanoseconds < deadline { usleep(10_000) }
        #expect(try scratch.shell("ls -A") == "")
    }

    @Test("a tree goes in and comes out again")
    func trees() throws {
        let scratch = try Scratch()
        try scratch.makeTree("tree")
        let into = try connect()
        try into.send(
            .request(.unpack(.init(path: scratch.bytes("guest"), root: Array("tree".utf8), keepsOwners: true))))
        _ = try TreePacker(into).pack(scratch.bytes("tree"))
        try into.send(.dataEnd)
        let packed = try into.receiveSummary()
        let out = try connect()
        try out.send(.request(.pack(path: scratch.bytes("guest/."))))
        let unpacked = try unpack(out, to: scratch.bytes("back"), root: ".")
        _ = try out.receiveSummary()
        #expect(try scratch.listing("tree") == scratch.listing("back"))
        #expect(packed.files == unpacked.files && packed.files > 5)
    }

    @Test("what is not the protocol ends the connection, and no more")
    func garbage() throws {
        for bytes in [[1, 0, 0, 0, 0x30, 9], [0, 0, 0, 0, 0x31], [1, 0, 0, 0, 0x20, 0], [255, 255, 255, 255, 0x30]]
            as [[UInt8]]
        {
            let pair = try SocketPair()
            let other = pair.second.take()
            let service = try Thread("file service") { FileService(FileConnection(Descriptor(owning: other))).serve() }
            try pair.first.writeAll(bytes)
            shutdown(pair.first.rawValue, Int32(SHUT_WR))
            _ = try? pair.first.readAll()
            service.join()
        }
    }
}
