import Foundation
import Testing

@testable import SmartVM

@Suite("Kernel files")
struct KernelImageTests {
    /// A setup header with the boot protocol's fields and nothing else.
    static func bzImage(
        setupSectors: UInt8 = 4, version: UInt16 = 0x20f, payloadOffset: UInt32 = 0x100, payloadLength: UInt32 = 64,
        size: Int = 4096
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        func put(_ value: UInt32, _ offset: Int, _ count: Int) {
            for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
        }
        bytes[0x1f1] = setupSectors
        put(0xaa55, 0x1fe, 2)
        bytes.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        put(UInt32(version), 0x206, 2)
        put(payloadOffset, 0x248, 4)
        put(payloadLength, 0x24c, 4)
        return bytes
    }

    static func elf(machine: UInt16 = 62, type: UInt16 = 2, fileClass: UInt8 = 2, size: Int = 64) -> [UInt8] {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, fileClass, 1, 1] + [UInt8](repeating: 0, count: size - 7)
        bytes[16] = UInt8(type)
        bytes[18] = UInt8(machine)
        return bytes
    }

    @Test("the payload of a bzImage lies behind the setup sectors and the boot sector")
    func payload() throws {
        let image = try KernelImage(header: Self.bzImage(setupSectors: 3), fileSize: 4096)
        #expect(image == .bzImage(.init(offset: 4 * 512 + 0x100, length: 64)))
    }

    @Test("zero setup sectors mean four")
    func zeroSectors() throws {
        let image = try KernelImage(header: Self.bzImage(setupSectors: 0), fileSize: 4096)
        #expect(image == .bzImage(.init(offset: 5 * 512 + 0x100, length: 64)))
    }

    @Test(
        "a header that points outside the file is refused",
        arguments: [
            (UInt32(0x100), UInt32(4096)), (0xffff_ffff, 64), (0x100, 0xffff_ffff), (0xffff_ffff, 0xffff_ffff),
            (4096, 64),
            (0x100, 0), (0x100, 8),
        ])
    func hostileSizes(offset: UInt32, length: UInt32) {
        #expect(throws: KernelImage.HeaderError.self) {
            try KernelImage(header: Self.bzImage(payloadOffset: offset, payloadLength: length), fileSize: 4096)
        }
    }

    @Test("a boot protocol that does not say where the payload is, is refused")
    func oldProtocol() {
        #expect(throws: KernelImage.HeaderError.oldProtocol(0x207)) {
            try KernelImage(header: Self.bzImage(version: 0x207), fileSize: 4096)
        }
    }

    @Test("every prefix of a header is judged without reading beyond it")
    func prefixes() throws {
        for whole in [Self.bzImage(), Self.elf()] {
            for count in 0..<min(whole.count, KernelImage.headerLength) {
                _ = try? KernelImage(header: Array(whole[..<count]), fileSize: count)
            }
        }
        #expect(try KernelImage(header: [], fileSize: 0) == .unknown)
    }

    @Test("random bytes behind the magic numbers never trap")
    func randomHeaders() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = (0..<KernelImage.headerLength).map { _ in UInt8.random(in: 0...255, using: &random) }
            (bytes[0x1fe], bytes[0x1ff]) = (0x55, 0xaa)
            bytes.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
            let size = Int.random(in: 0..<(1 << 33), using: &random)
            if case .bzImage(let payload) = try? KernelImage(header: bytes, fileSize: size) {
                #expect(payload.offset + payload.length <= size)
            }
        }
    }

    @Test("other formats are told apart")
    func others() throws {
        #expect(try KernelImage(header: [0x1f, 0x8b, 8, 0], fileSize: 4) == .compressed(.gzip))
        #expect(try KernelImage(header: Array("MZ".utf8) + [0, 0], fileSize: 4) == .efi)
        guard case .elf(let elf) = try KernelImage(header: Self.elf(machine: 183), fileSize: 64) else {
            Issue.record("an ELF file was not seen as one")
            return
        }
        #expect(elf.machine == 183 && elf.is64Bit && elf.isExecutable)
    }

    @Test("an ELF kernel is used as it is")
    func usesELF() async throws {
        let directory = try TestDirectory()
        let path = try directory.file("vmlinux", Self.elf())
        #expect(try await KernelFile.executable(from: path, cache: directory.path) == path)
    }

    @Test("a bzImage is unpacked once, whatever it is packed with", arguments: ["gzip", "xz", "lz4", "zstd"])
    func unpacksBzImage(program: String) async throws {
        let directory = try TestDirectory()
        let elf = Self.elf(size: 100_000)
        let plain = try directory.file("elf", elf)
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        let options = program == "lz4" ? "-l" : ""
        shell.arguments = ["-c", "\(program) -c \(options) < \(plain) > \(plain).packed"]
        try shell.run()
        shell.waitUntilExit()
        var packed = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(plain).packed")))
        if program != "gzip" { packed += [0xa0, 0x86, 0x01, 0x00] }
        let header = Self.bzImage(payloadOffset: 0x100, payloadLength: UInt32(packed.count), size: 5 * 512 + 0x100)
        let kernel = try directory.file("vmlinuz", header + packed + [1, 2, 3])

        let unpacked = try await KernelFile.executable(from: kernel, cache: directory.path)
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: unpacked))) == elf)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(try await KernelFile.executable(from: kernel, cache: directory.path) == unpacked)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == names)
        #expect(!names.contains(".unpacking"))
    }

    @Test("a damaged bzImage leaves nothing in the cache")
    func damaged() async throws {
        let directory = try TestDirectory()
        let header = Self.bzImage(payloadOffset: 0x100, payloadLength: 64, size: 5 * 512 + 0x100)
        let garbage: [UInt8] = [0x1f, 0x8b, 8, 0] + [UInt8](repeating: 7, count: 60)
        let kernel = try directory.file("vmlinuz", header + garbage)
        await #expect(throws: (any Error).self) {
            try await KernelFile.executable(from: kernel, cache: directory.path)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0 != ".lock" } == ["vmlinuz"])
    }

    @Test(
        "what is no kernel is refused in a sentence that names it",
        arguments: [
            (elf(machine: 183), "architecture"), (elf(type: 1), "not an executable"),
            (Array("hello".utf8), "neither an ELF"),
            ([0x28, 0xb5, 0x2f, 0xfd, 0, 0], "compressed with zstd"), ([], "neither an ELF"),
        ])
    func refusals(bytes: [UInt8], words: String) async throws {
        let directory = try TestDirectory()
        let path = try directory.file("kernel", bytes)
        let error = await #expect(throws: SmartVMError.self) {
            try await KernelFile.executable(from: path, cache: directory.path)
        }
        #expect(error?.code == .invalidKernel)
        #expect(error?.message.contains(path) == true && error?.message.contains(words) == true)
    }

    @Test("a missing kernel and a directory are named")
    func missing() async throws {
        let directory = try TestDirectory()
        for (path, words) in [("\(directory.path)/none", "No such file"), (directory.path, "not a regular file")] {
            let error = await #expect(throws: SmartVMError.self) {
                try await KernelFile.executable(from: path, cache: directory.path)
            }
            #expect(error?.message.contains(words) == true)
        }
    }
}
