import Testing

@testable import FirecrackerQEMU

@Suite("Kernel files")
struct ELFKernelTests {
    /// An ELF file with one loaded segment and a note.
    private static func image(
        address: UInt64 = 0x100_0000, memorySize: UInt64 = 0x1000, noteKind: UInt32 = 18, owner: String = "Xen\0"
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { source in
                for (index, byte) in source.enumerated() { bytes[offset + index] = byte }
            }
        }
        bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
        put(UInt64(64), 32)
        put(UInt16(56), 54)
        put(UInt16(2), 56)
        put(UInt32(1), 64)
        put(address, 64 + 24)
        put(memorySize, 64 + 40)
        put(UInt32(4), 120)
        put(UInt64(176), 120 + 8)
        put(UInt64(20), 120 + 32)
        put(UInt32(4), 176)
        put(UInt32(4), 180)
        put(noteKind, 184)
        bytes.replaceSubrange(188..<192, with: Array(owner.utf8))
        return bytes
    }

    private func check(_ bytes: [UInt8], memory: UInt64 = 64 << 20) throws(MachineFault) -> ELFKernel {
        try ELFKernel(memory: memory) { offset, count in
            offset > UInt64(bytes.count) ? [] : Array(bytes.dropFirst(Int(offset)).prefix(count))
        }
    }

    private func cause(_ bytes: [UInt8], memory: UInt64 = 64 << 20) -> String? {
        do throws(MachineFault) {
            _ = try check(bytes, memory: memory)
            return nil
        } catch {
            return error.description.components(after: "Kernel Loader: ")
        }
    }

    @Test("end where their last segment ends")
    func accepts() throws {
        #expect(try check(Self.image()).end == 0x100_1000)
    }

    @Test(
        "are refused in Firecracker's words",
        arguments: [
            ([UInt8](), "Unable to read elf header"),
            (Array(Self.image().prefix(63)), "Unable to read elf header"),
            ([UInt8](repeating: 0x4d, count: 4096), "Invalid Elf magic number"),
            (Array(Self.image().prefix(100)), "Unable to read program header"),
            (Self.image(address: 64 << 20), "Unable to read kernel image"),
            (Self.image(address: .max - 10, memorySize: 100), "Unable to read kernel image"),
            (Array(Self.image().prefix(180)), "Unable to read note header"),
        ])
    func refuses(_ bytes: [UInt8], _ words: String) {
        #expect(cause(bytes) == words)
    }

    @Test("must have a PVH entry point")
    func entryPoint() {
        #expect(cause(Self.image(noteKind: 17))?.contains("CONFIG_PVH") == true)
        #expect(cause(Self.image(owner: "GNU\0"))?.contains("CONFIG_PVH") == true)
    }

    @Test("of any bytes do no harm")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            var bytes = Self.image()
            for _ in 0..<4 { bytes[Int.random(in: 4..<bytes.count, using: &generator)] = .random(in: 0...255) }
            _ = cause(bytes)
        }
    }
}

extension String {
    /// What stands behind the last occurrence of `separator`.
    fileprivate func components(after separator: String) -> String {
        var rest = self[...]
        while let range = rest.firstRange(of: separator) { rest = rest[range.upperBound...] }
        return String(rest)
    }
}
