import Glibc
import Linux
import Testing

@Suite("A file in the making")
struct UnpublishedFileTests {
    private final class Folder {
        let path: String

        init() {
            var template = Array("/tmp/unpublished-XXXXXX".utf8CString)
            path = template.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
            }
        }

        deinit { try? FileTree.removeAll(path) }

        var names: [String] { (try? FileTree.names(at: path)) ?? [] }
    }

    @Test("has its name only when it is complete, and leaves nothing if it never is")
    func publish() throws {
        let folder = Folder()
        let path = "\(folder.path)/file"
        do {
            let file = try UnpublishedFile.begin(for: path)
            try file.descriptor.writeAll(Array("half".utf8))
        }
        #expect(folder.names == [])
        let file = try UnpublishedFile.begin(for: path)
        try file.descriptor.writeAll(Array("whole".utf8))
        try file.synchronize()
        #expect(folder.names == [])
        try file.publish()
        #expect(folder.names == ["file"])
        #expect(try File.readText(path) == "whole")
        #expect(try FileTree.attributes(of: path).mode & 0o777 == 0o600)
    }

    @Test("takes the place of another at once, with its permissions; who has that one open keeps it")
    func replace() throws {
        let folder = Folder()
        let path = "\(folder.path)/file"
        try File.write(Array("old".utf8), to: path)
        try FileTree.setMode(path, 0o640)
        try FileTree.makeSymbolicLink("\(folder.path)/link", to: "file")
        let old = try Descriptor.open(path, O_RDONLY)
        for name in ["file", "link"] {
            let file = try UnpublishedFile.begin(for: "\(folder.path)/\(name)")
            try file.descriptor.writeAll(Array("new \(name)".utf8))
            try file.publish()
            #expect(try File.readText(path) == "new \(name)")
        }
        #expect(try old.readAll() == Array("old".utf8))
        #expect(folder.names == ["file", "link"])
        #expect(try FileTree.attributes(of: path).mode & 0o777 == 0o640)
    }

    @Test("can begin with what is there")
    func keepsContent() throws {
        let folder = Folder()
        let path = "\(folder.path)/file"
        try File.write(Array("0123456789".utf8), to: path)
        let file = try UnpublishedFile.begin(for: path, keepsContent: true)
        try Array("ab".utf8).withUnsafeBytes { try SparseFile.write($0, to: file.descriptor.rawValue, at: 4) }
        #expect(try File.readText(path) == "0123456789")
        try file.publish()
        #expect(try File.readText(path) == "0123ab6789")
    }

    @Test("a device is written, not replaced; a directory and a missing folder are refused")
    func others() throws {
        let folder = Folder()
        let null = try UnpublishedFile.begin(for: "/dev/null")
        try null.descriptor.writeAll([1])
        try null.synchronize()
        try null.publish()
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
        #expect(mkfifo("\(folder.path)/fifo", 0o600) == 0)
        #expect(throws: Errno.noSuchAddress) { _ = try UnpublishedFile.begin(for: "\(folder.path)/fifo") }
        #expect(throws: Errno.isDirectory) { _ = try UnpublishedFile.begin(for: folder.path) }
        #expect(throws: Errno.noSuchFile) { _ = try UnpublishedFile.begin(for: "\(folder.path)/none/file") }
    }

    @Test("holes are told, and kept by a copy")
    func holes() throws {
        let source = try SparseFile.inMemory("source", size: 1 << 20)
        let page = [UInt8](repeating: 7, count: 4096)
        for offset in [0, 8192, 512 << 10] {
            try page.withUnsafeBytes { try SparseFile.write($0, to: source.rawValue, at: offset) }
        }
        let expected = [0..<4096, 8192..<12288, (512 << 10)..<((512 << 10) + 4096)]
        #expect(try SparseFile.dataRanges(of: source.rawValue, size: 1 << 20) == expected)
        let copy = try SparseFile.inMemory("copy", size: 0)
        try SparseFile.copy(source.rawValue, to: copy.rawValue)
        #expect(try SparseFile.dataRanges(of: copy.rawValue, size: 1 << 20) == expected)
        #expect(try copy.read(at: 8192, upTo: 4096) == page)
    }
}
