public import FirecrackerClient
internal import Glibc
internal import Linux

/// What a file holds that is given as a root file system, judged by its superblock; told apart from what people give by mistake.
public enum RootFileSystem: Hashable, Sendable {
    /// ext2, ext3 or ext4; all are mounted as ext4.
    case ext4
    /// squashfs: read-only.
    case squashfs
    /// EROFS: read-only.
    case erofs
    /// A file system that guests have no module for, by its name.
    case unsupported(String)
    /// No file system: what it is, in words that follow "it is".
    case other(String)
    /// None that is known here; a guest may know it.
    case unknown

    /// Bytes from the beginning of a file that decide.
    static let headerLength = 0x10048

    /// - Parameter bytes: The first ``headerLength`` bytes, or all of a smaller file.
    init(superblock bytes: [UInt8]) {
        func has(_ magic: [UInt8], at offset: Int) -> Bool {
            bytes.count >= offset + magic.count && bytes[offset...].starts(with: magic)
        }
        self =
            if has([0x53, 0xef], at: 0x438) {
                .ext4
            } else if has(Array("hsqs".utf8), at: 0) {
                .squashfs
            } else if has([0xe2, 0xe1, 0xf5, 0xe0], at: 0x400) {
                .erofs
            } else if let name = Self.unsupportedTypes.first(where: { has($0.magic, at: $0.offset) })?.name {
                .unsupported(name)
            } else if let what = Self.otherFormats.first(where: { has($0.magic, at: $0.offset) })?.what {
                .other(what)
            } else if let compression = Compression(magic: bytes) {
                .other("compressed with \(compression.rawValue)")
            } else {
                .unknown
            }
    }

    private static let unsupportedTypes: [(name: String, magic: [UInt8], offset: Int)] = [
        ("xfs", Array("XFSB".utf8), 0), ("btrfs", Array("_BHRfS_M".utf8), 0x10040),
        ("cramfs", [0x45, 0x3d, 0xcd, 0x28], 0),
        ("f2fs", [0x10, 0x20, 0xf5, 0xf2], 0x400), ("iso9660", Array("CD001".utf8), 0x8001),
        ("vfat", Array("FAT32".utf8), 0x52), ("vfat", Array("FAT16".utf8), 0x36),
    ]
    private static let otherFormats: [(what: String, magic: [UInt8], offset: Int)] = [
        ("a qcow2 disk; `qemu-img convert -O raw` makes a raw one of it", [0x51, 0x46, 0x49, 0xfb], 0),
        ("a disk with a GPT partition table, not a file system", Array("EFI PART".utf8), 0x200),
        ("a program", [0x7f, 0x45, 0x4c, 0x46], 0),
        ("a tar archive", Array("ustar".utf8), 0x101),
        ("a cpio archive, as an initramfs is", Array("07070".utf8), 0),
        ("a disk with a partition table, or a boot sector, not a file system", [0x55, 0xaa], 0x1fe),
    ]

    /// What the guest mounts it as; nil if it cannot.
    public var type: String? {
        switch self {
        case .ext4: "ext4"
        case .squashfs: "squashfs"
        case .erofs: "erofs"
        case .unsupported, .other, .unknown: nil
        }
    }

    /// How long the file system is by its own account, in bytes; a shorter file has been cut off. Nil if it is not said.
    static func length(_ bytes: [UInt8], of kind: RootFileSystem) -> UInt64? {
        func product(_ count: UInt64, shift: UInt32) -> UInt64? {
            guard shift < 32, count <= UInt64.max >> UInt64(shift) else { return nil }
            return count << UInt64(shift)
        }
        switch kind {
        case .ext4 where bytes.count >= 0x600:
            // s_blocks_count_lo and _hi (if the 64BIT feature is set), s_log_block_size.
            let has64Bit = bytes.little32(0x460) & 0x80 != 0
            let count = UInt64(bytes.little32(0x404)) | (has64Bit ? UInt64(bytes.little32(0x550)) << 32 : 0)
            return product(count, shift: 10 &+ bytes.little32(0x418))
        case .squashfs where bytes.count >= 0x30:
            return bytes.little64(0x28)
        case .erofs where bytes.count >= 0x440:
            return product(UInt64(bytes.little32(0x424)), shift: UInt32(bytes[0x40c]))
        default:
            return nil
        }
    }

    /// Looks at a file that is to become a guest's root.
    ///
    /// - Returns: One of those that guests can mount.
    /// - Throws: `INVALID_ROOTFS` in a sentence that says what the file is instead, and what to do.
    public static func check(_ path: String) throws(SmartVMError) -> RootFileSystem {
        try check(path, as: .root)
    }

    /// What a file system is for.
    enum Role: String {
        case root = "root file system"
        case volume
    }

    /// - Throws: `INVALID_ROOTFS`; `INVALID_FILE` if it is for something else.
    static func check(_ path: String, as role: Role) throws(SmartVMError) -> RootFileSystem {
        func unfit(_ path: String, _ what: String, cure: String) -> SmartVMError {
            SmartVMError(
                role == .root ? .invalidRootFileSystem : .invalidFile, "The \(role.rawValue) \(path) \(what).",
                cure: cure)
        }
        let bytes: [UInt8]
        let size: Int64
        do throws(Errno) {
            let status = try FileStatus(of: path)
            if status.kind == .directory { throw .isDirectory }
            bytes = try Descriptor.open(path, O_RDONLY).read(at: 0, upTo: headerLength)
            size = status.kind == .file ? status.size : Int64.max
        } catch {
            if error == .isDirectory {
                throw unfit(
                    path, "is a directory", cure: "Make an image of it: mke2fs -t ext4 -d \(path) root.ext4 1G")
            }
            throw SmartVMError(
                role == .root ? .invalidRootFileSystem : .invalidFile,
                "The \(role.rawValue) \(path) cannot be read: \(error).", underlying: error)
        }
        let kind = RootFileSystem(superblock: bytes)
        switch kind {
        case .ext4, .squashfs, .erofs:
            if let length = length(bytes, of: kind), length > UInt64(size) {
                throw unfit(
                    path, "is cut off: its superblock says \(length) bytes, but it has \(size)", cure: "Copy it again.")
            }
            return kind
        case .unsupported(let name): throw unfit(path, "holds \(name), which guests cannot mount", cure: cure)
        case .other(let what): throw unfit(path, "is no file system: it is \(what)", cure: cure)
        case .unknown: throw unfit(path, "holds no file system that is known", cure: cure)
        }
    }

    private static let cure = "Give an image of ext4, squashfs or erofs."
}
