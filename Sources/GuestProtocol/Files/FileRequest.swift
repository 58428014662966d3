/// What the host wants of the guest's files: the first message on a file connection, of which there is one for each transfer.
///
/// Paths are bytes, because Linux's are: they need not be UTF-8. They are absolute, or relative to `/`.
public enum FileRequest: Hashable, Sendable {
    /// The contents of a regular file, as they are.
    case read(path: [UInt8])
    /// A regular file of the bytes that follow, put in the place of one that is there when all of them have come.
    ///
    /// `permissions` are the lower twelve bits of a mode.
    case write(path: [UInt8], permissions: UInt32)
    /// A file or a directory with all that is in it, as a pax archive whose first entry is named after the last component of the path
    /// (`.` if it has none).
    case pack(path: [UInt8])
    /// The files of the pax archive that follows.
    case unpack(Unpacking)

    /// Where and how an archive is unpacked.
    public struct Unpacking: Hashable, Sendable {
        /// Where the files go.
        public var path: [UInt8]
        /// The name of the first entry, which all others are below: then they are copied as cp(1) copies one source. nil: the archive
        /// may hold anything, and `path` is a directory.
        public var root: [UInt8]?
        /// Whether files get the owner that the archive names; else they are root's.
        public var keepsOwners: Bool

        /// Where and how an archive is unpacked.
        public init(path: [UInt8], root: [UInt8]?, keepsOwners: Bool) {
            self.path = path
            self.root = root
            self.keepsOwners = keepsOwners
        }
    }
}

extension FileRequest {
    private enum Kind: UInt8 {
        case read, write, pack, unpack
    }

    func write(to writer: inout WireWriter) {
        switch self {
        case .read(let path):
            writer.write(Kind.read.rawValue)
            writer.write(path)
        case .write(let path, let permissions):
            writer.write(Kind.write.rawValue)
            writer.write(path)
            writer.write(permissions)
        case .pack(let path):
            writer.write(Kind.pack.rawValue)
            writer.write(path)
        case .unpack(let unpacking):
            writer.write(Kind.unpack.rawValue)
            writer.write(unpacking.path)
            writer.write(optional: unpacking.root) { writer, root in writer.write(root) }
            writer.write(unpacking.keepsOwners)
        }
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        switch Kind(rawValue: try reader.integer()) {
        case .read: self = .read(path: try reader.byteString())
        case .write: self = .write(path: try reader.byteString(), permissions: try reader.integer())
        case .pack: self = .pack(path: try reader.byteString())
        case .unpack:
            self = .unpack(
                Unpacking(
                    path: try reader.byteString(),
                    root: try reader.optional { (reader) throws(GuestProtocolError) in try reader.byteString() },
                    keepsOwners: try reader.boolean()))
        case nil: throw .invalidValue
        }
    }
}
