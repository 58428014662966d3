/// What the first bytes of a program say about who can run it.
enum ProgramHeader: Equatable {
    /// An ELF file for a machine, and the loader that it needs, if it needs one.
    case elf(machine: UInt16, interpreter: String?)
    /// A script and the program that its first line names.
    case script(interpreter: String)
    case unknown

    /// - Parameter bytes: The beginning of the file; 4 KiB hold everything that matters in all programs that linkers make.
    init(_ bytes: [UInt8]) {
        if bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]), bytes.count >= 20, bytes[4] == 1 || bytes[4] == 2 {
            let file = ELFFile(bytes: bytes, is64Bit: bytes[4] == 2, isLittleEndian: bytes[5] != 2)
            self = .elf(
                machine: UInt16(truncatingIfNeeded: file.field(at: 18, size: 2)), interpreter: file.interpreter)
        } else if bytes.starts(with: [0x23, 0x21]) {
            let line = bytes.dropFirst(2).prefix { $0 != 0x0a }.drop { $0 == 0x20 || $0 == 0x09 }
            self = .script(interpreter: String(decoding: line.prefix { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self))
        } else {
            self = .unknown
        }
    }

    /// The machine's name as `uname -m` gives it.
    static func name(ofMachine machine: UInt16) -> String {
        switch machine {
        case 3: "i386"
        case 8: "mips"
        case 20: "ppc"
        case 21: "ppc64"
        case 22: "s390x"
        case 40: "arm"
        case 62: "x86_64"
        case 183: "aarch64"
        case 243: "riscv64"
        case 258: "loongarch64"
        default: "an unknown machine (\(machine))"
        }
    }
}

/// The beginning of an ELF file. Every field is read as 0 where the bytes end.
private struct ELFFile {
    var bytes: [UInt8]
    var is64Bit: Bool
    var isLittleEndian: Bool

    func field(at offset: Int, size: Int) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - size else { return 0 }
        var value: UInt64 = 0
        for index in 0..<size {
            value = value << 8 | UInt64(bytes[isLittleEndian ? offset + size - 1 - index : offset + index])
        }
        return value
    }

    /// The path in the segment of type PT_INTERP (3).
    var interpreter: String? {
        let table = Int(clamping: field(at: is64Bit ? 32 : 28, size: is64Bit ? 8 : 4))
        let entrySize = Int(field(at: is64Bit ? 54 : 42, size: 2))
        let count = Int(field(at: is64Bit ? 56 : 44, size: 2))
        guard table < bytes.count else { return nil }
        for index in 0..<count {
            let entry = table + index * entrySize
            guard entry < bytes.count else { return nil }
            guard field(at: entry, size: 4) == 3 else { continue }
            let offset = Int(clamping: field(at: entry + (is64Bit ? 8 : 4), size: is64Bit ? 8 : 4))
            guard offset < bytes.count else { return nil }
            return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
        }
        return nil
    }
}
