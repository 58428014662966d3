import Foundation
import Testing

@testable import SmartVM

@Suite("Root file systems")
struct RootFileSystemTests {
    static func image(_ magic: [UInt8], at offset: Int, size: Int = 0x20000) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.replaceSubrange(offset..<(offset + magic.count), with: magic)
        return bytes
    }

    @Test("file systems are known by their superblocks")
    func recognizes() {
        #expect(RootFileSystem(superblock: Self.image([0x53, 0xef], at: 0x438)) == .ext4)
        #expect(RootFileSystem(superblock: Self.image(Array("hsqs".utf8), at: 0)) == .squashfs)
        #expect(RootFileSystem(superblock: Self.image([0xe2, 0xe1, 0xf5, 0xe0], at: 0x400)) == .erofs)
        #expect(RootFileSystem(superblock: Self.image(Array("_BHRfS_M".utf8), at: 0x10040)) == .unsupported("btrfs"))
        #expect(RootFileSystem(superblock: []) == .unknown)
    }

    @Test("real file systems of mke2fs are accepted, and refused once they are cut off")
    func realExt() throws {
        let directory = try TestDirectory()
        let path = "\(directory.path)/root.ext4"
        let mke2fs = Process()
        mke2fs.executableURL = URL(fileURLWithPath: "/sbin/mke2fs")
        mke2fs.arguments = ["-q", "-F", "-t", "ext4", path, "4m"]
        try mke2fs.run()
        mke2fs.waitUntilExit()
        #expect(try RootFileSystem.check(path) == .ext4)
        try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 1 << 20)
        let error = #expect(throws: SmartVMError.self) { try RootFileSystem.check(path) }
        #expect(error?.code == .invalidRootFileSystem)
        #expect(error?.message.contains("cut off") == true && error?.message.contains("4194304") == true)
    }

    @Test(
        "what is no root file system is refused in a sentence that says what it is",
        arguments: [
            (image(Array("XFSB".utf8), at: 0), "xfs"), (image([0x51, 0x46, 0x49, 0xfb], at: 0), "qcow2"),
            (image(Array("EFI PART".utf8), at: 0x200), "GPT"), (image([0x55, 0xaa], at: 0x1fe), "partition table"),
            (image(Array("ustar".utf8), at: 0x101), "tar archive"),
            (image([0x7f, 0x45, 0x4c, 0x46], at: 0), "a program"),
            (image([0x1f, 0x8b], at: 0), "gzip"), (Array("hello".utf8), "no file system that is known"), ([], "known"),
        ])
    func refusals(bytes: [UInt8], words: String) throws {
        let directory = try TestDirectory()
        let path = try directory.file("root", bytes)
        let error = #expect(throws: SmartVMError.self) { try RootFileSystem.check(path) }
        #expect(error?.code == .invalidRootFileSystem)
        #expect(error?.message.contains(words) == true && error?.message.contains(path) == true)
    }

    @Test("a directory and a missing file are named")
    func notFiles() throws {
        let directory = try TestDirectory()
        let error = #expect(throws: SmartVMError.self) { try RootFileSystem.check(directory.path) }
        #expect(error?.message.contains("is a directory") == true)
        let missing = #expect(throws: SmartVMError.self) { try RootFileSystem.check("\(directory.path)/none") }
        #expect(missing?.message.contains("No such file") == true)
    }

    @Test("superblocks of random numbers never trap")
    func randomSuperblocks() {
        var random = SystemRandomNumberGenerator()
        for kind in [RootFileSystem.ext4, .squashfs, .erofs] {
            for count in [0, 0x30, 0x440, 0x600, 0x10048] {
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                _ = RootFileSystem.length(bytes, of: kind)
            }
        }
        #expect(RootFileSystem.length([UInt8](repeating: 0xff, count: 0x600), of: .ext4) == nil)
    }
}
