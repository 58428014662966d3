/// What a kernel file is, judged by its first bytes.
///
/// Firecracker, and QEMU's microvm machine with a PVH entry, start an ELF file (`vmlinux`). Distributions ship a bzImage: a real-mode
/// stub, whose setup header says where in the file the compressed ELF lies. Everything in a header is a claim of the file: each
/// number is checked against the size of the file before it is used.
enum KernelImage: Hashable, Sendable {
    /// An ELF executable.
    case elf(ELF)
    /// A Linux/x86 boot executable, with the place of the compressed ELF in it.
    case bzImage(Payload)
    /// A PE file without a setup header, as arm64 kernels are (`Image`); vmlinuz of EFI-stub kernels.
    case efi
    /// Compressed as a whole.
    case compressed(Compression)
    case unknown

    struct ELF: Hashable, Sendable {
        var is64Bit: Bool
        var isLittleEndian: Bool
        /// `EM_X86_64` is 62, `EM_AARCH64` 183.
        var machine: UInt16
        /// Whether it is `ET_EXEC` or `ET_DYN`.
        var isExecutable: Bool
    }

    /// Part of a bzImage.
    struct Payload: Hashable, Sendable {
        /// From the start of the file, in bytes.
        var offset: Int
        /// In bytes, with the size field that ends it.
        var length: Int
    }

    /// How many of a file's first bytes decide.
    static let headerLength = 0x400

    /// - Parameters:
    ///   - header: The first ``headerLength`` bytes of the file, or all of a shorter one.
    ///   - fileSize: Bytes in the file.
    /// - Throws: ``HeaderError`` if it is a bzImage whose header contradicts the file.
    init(header: [UInt8], fileSize: Int) throws(HeaderError) {
        if header.starts(with: [0x7f, 0x45, 0x4c, 0x46]), header.count >= 20 {
            let type = header.little16(16)
            self = .elf(
                ELF(
                    is64Bit: header[4] == 2, isLittleEndian: header[5] == 1, machine: header.little16(18),
                    isExecutable: type == 2 || type == 3))
        } else if header.count >= 0x250, header.little16(0x1fe) == 0xaa55,
            header[0x202...].starts(with: Array("HdrS".utf8))
        {
            self = .bzImage(try Self.payload(header, fileSize))
        } else if header.starts(with: Array("MZ".utf8)) {
            self = .efi
        } else if let compression = Compression(magic: header) {
            self = .compressed(compression)
        } else {
            self = .unknown
        }
    }

    /// The x86 boot protocol, 2.08 and later: setup_sects at 0x1f1, version at 0x206, payload_offset and payload_length at 0x248.
    private static func payload(_ header: [UInt8], _ fileSize: Int) throws(HeaderError) -> Payload {
        let version = header.little16(0x206)
        guard version >= 0x208 else { throw .oldProtocol(version) }
        let setupSectors = header[0x1f1] == 0 ? 4 : Int(header[0x1f1])
        // Three numbers of at most 32 bits: no sum of them overflows 64.
        let offset = (setupSectors + 1) * 512 + Int(header.little32(0x248))
        let length = Int(header.little32(0x24c))
        guard length > 8, offset + length <= fileSize else {
            throw .payloadOutside(end: offset + length, fileSize: fileSize)
        }
        return Payload(offset: offset, length: length)
    }

    /// A setup header that cannot be believed.
    enum HeaderError: Error, Hashable, Sendable, CustomStringConvertible {
        case oldProtocol(UInt16)
        case payloadOutside(end: Int, fileSize: Int)

        var description: String {
            switch self {
            case .oldProtocol(let version):
                "its boot protocol \(version >> 8).\(version & 0xff) is older than 2.8 and does not say where the kernel lies"
            case .payloadOutside(let end, let fileSize):
                "its header says that the kernel ends at byte \(end), but the file has \(fileSize): it is cut off or damaged"
            }
        }
    }
}
