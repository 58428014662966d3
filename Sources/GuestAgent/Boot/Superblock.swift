/// Tells file systems apart by their superblocks.
enum Superblock {
    /// How many bytes from the beginning of a device are needed for all but btrfs.
    static let shortLength = 4096
    /// How many are needed for all.
    static let fullLength = 68 << 10

    /// The name that mount(2) knows, or nil.
    static func fileSystemType(_ bytes: [UInt8]) -> String? {
        if has([0x53, 0xef], at: 1024 + 56, bytes) { return "ext4" }
        if has(Array("hsqs".utf8), at: 0, bytes) { return "squashfs" }
        if has([0xe2, 0xe1, 0xf5, 0xe0], at: 1024, bytes) { return "erofs" }
        if has(Array("XFSB".utf8), at: 0, bytes) { return "xfs" }
        if has(Array("_BHRfS_M".utf8), at: 65536 + 64, bytes) { return "btrfs" }
        return nil
    }

    private static func has(_ magic: [UInt8], at offset: Int, _ bytes: [UInt8]) -> Bool {
        bytes.count >= offset + magic.count && bytes[offset...].starts(with: magic)
    }
}
