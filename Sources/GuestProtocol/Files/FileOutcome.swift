/// What a transfer of files has moved.
public struct FileSummary: Hashable, Sendable {
    /// Regular files; a second name of one counts too.
    public var files: UInt64 = 0
    /// Directories, the top one included.
    public var directories: UInt64 = 0
    /// Symbolic links.
    public var symbolicLinks: UInt64 = 0
    /// Bytes of contents, without the holes of sparse files.
    public var bytes: UInt64 = 0
    /// How many were left out, because they are no files that can be copied (devices, sockets, pipes, other file systems).
    public var skippedCount: UInt64 = 0
    /// The names of the first hundred of them.
    public private(set) var skipped: [String] = []

    static let maximumSkippedNames = 100

    /// Nothing yet.
    public init() {}

    /// Notes one that was left out.
    public mutating func skip(_ name: String) {
        skippedCount += 1
        if skipped.count < Self.maximumSkippedNames { skipped.append(name) }
    }

    /// Adds what the other end has left out.
    public mutating func addSkipped(of other: FileSummary) {
        skippedCount &+= other.skippedCount
        skipped.append(contentsOf: other.skipped.prefix(Self.maximumSkippedNames - skipped.count))
    }
}

extension FileSummary {
    func write(to writer: inout WireWriter) {
        writer.write(files)
        writer.write(directories)
        writer.write(symbolicLinks)
        writer.write(bytes)
        writer.write(skippedCount)
        writer.write(list: skipped) { writer, name in writer.write(name) }
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        files = try reader.integer()
        directories = try reader.integer()
        symbolicLinks = try reader.integer()
        bytes = try reader.integer()
        skippedCount = try reader.integer()
        skipped = try reader.list { (reader) throws(GuestProtocolError) in try reader.string() }
        guard skipped.count <= Self.maximumSkippedNames else { throw .invalidValue }
    }
}

/// Why a transfer of files failed.
public struct FileFailure: Error, Hashable, Sendable {
    /// The file in question; not always one: then it is empty.
    public var path: String
    /// The number of the failed system call's error, as Linux has them; 0: the transfer was refused for another reason.
    public var errno: Int32
    /// A few words without the path.
    public var reason: String

    /// Why a transfer failed.
    public init(path: String, errno: Int32, reason: String) {
        self.path = path
        self.errno = errno
        self.reason = reason
    }
}

extension FileFailure {
    func write(to writer: inout WireWriter) {
        writer.write(path)
        writer.write(errno)
        writer.write(reason)
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        path = try reader.string()
        errno = try reader.integer()
        reason = try reader.string()
    }
}
