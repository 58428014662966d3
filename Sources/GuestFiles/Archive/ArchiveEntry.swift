/// One member of an archive.
public struct ArchiveEntry: Hashable, Sendable {
    /// What it is.
    public enum Kind: Hashable, Sendable {
        case file
        case directory
        case symbolicLink(target: [UInt8])
        /// A further name of a file that came before.
        case hardLink(target: [UInt8])
        /// A device, a pipe, or something else that is not copied; its type flag.
        case other(UInt8)
    }

    /// As the archive has it: relative, separated by `/`.
    public var name: [UInt8]
    /// What it is.
    public var kind: Kind
    /// The lower twelve bits of its mode.
    public var mode: UInt32
    /// The owner's number.
    public var owner: UInt32
    /// The group's number.
    public var group: UInt32
    /// Nanoseconds since 1970.
    public var modified: Int64
    /// Bytes of a file, holes included.
    public var size: Int64
    /// Where the data of a file with holes lies; nil: it has none.
    public var segments: [Range<Int64>]?

    /// What is left out is root's, of 1970, and empty.
    public init(
        name: [UInt8], kind: Kind, mode: UInt32, owner: UInt32 = 0, group: UInt32 = 0, modified: Int64 = 0,
        size: Int64 = 0, segments: [Range<Int64>]? = nil
    ) {
        self.name = name
        self.kind = kind
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modified = modified
        self.size = size
        self.segments = segments
    }
}

/// The measures of the format, and the most that is believed of an archive.
enum ArchiveFormat {
    static let blockSize = 512
    /// A pax header of another program may hold extended attributes.
    static let maximumHeader: Int64 = 1 << 20
    static let maximumSegments = 1 << 20

    /// The bytes that fill the last block of `size` bytes.
    static func padding(_ size: Int64) -> Int64 {
        (512 - size % 512) % 512
    }
}
