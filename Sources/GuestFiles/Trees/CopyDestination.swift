internal import Glibc
internal import Linux

/// Where a copy goes: an open directory, and what takes the place of the first component of each name.
///
/// The rules are those of cp(1) and `docker cp`. A directory that is there takes the copy in, under its own name. What is not there
/// is made, as what was copied. A file is replaced by a file only.
struct CopyDestination: ~Copyable {
    let directory: Descriptor
    /// What the first component becomes; nil: names stay as they are.
    let newName: [UInt8]?

    /// - Parameters:
    ///   - root: What the first entry is called and all others are below; nil: there is no such, `path` is a directory.
    ///   - isDirectory: Whether the first entry is one.
    init(_ path: CopyPath, root: [UInt8]?, isDirectory: Bool) throws(TransferError) {
        do throws(Errno) {
            directory = try Descriptor.open(path: path.bytes, O_DIRECTORY | O_RDONLY)
            newName = nil
            return
        } catch {
            guard root != nil, error == .noSuchFile || error == .notDirectory else {
                throw .file(path: path.bytes, error)
            }
        }
        guard path.hasName else { throw .file(path: path.bytes, .noSuchFile) }
        let place = try Self.place(of: path)
        if let place {
            guard !isDirectory else {
                throw .refused(path: path.bytes, reason: "a directory cannot take the place of a file")
            }
            guard !path.meansDirectory else { throw .file(path: path.bytes, .notDirectory) }
            directory = try attempt(path.bytes) { () throws(Errno) in
                try Descriptor.open(path: place.parent, O_DIRECTORY | O_RDONLY)
            }
            newName = place.name
        } else {
            guard isDirectory || !path.meansDirectory else { throw .file(path: path.bytes, .noSuchFile) }
            directory = try attempt(path.parent) { () throws(Errno) in
                try Descriptor.open(path: path.parent, O_DIRECTORY | O_RDONLY)
            }
            newName = path.name
        }
    }

    /// The file at a path, behind any links; nil: nothing is there.
    ///
    /// - Throws: `refused` if it is a device, a pipe or a socket: a copy would not go into it but take its place.
    static func place(of path: CopyPath) throws(TransferError) -> CopyPath? {
        var trimmed = path.bytes
        while trimmed.last == UInt8(ascii: "/") { trimmed.removeLast() }
        let isLink: Bool
        do throws(Errno) {
            isLink =
                try FileStatus(of: try Descriptor.open(path: trimmed, Descriptor.pathOnly | O_NOFOLLOW)).kind == .link
        } catch {
            if error == .noSuchFile { return nil }
            throw .file(path: trimmed, error)
        }
        let (kind, place) = try attempt(trimmed) { () throws(Errno) in
            let file = try Descriptor.open(path: trimmed, Descriptor.pathOnly)
            let links = try Descriptor.open("/proc/self/fd", O_DIRECTORY | O_RDONLY)
            return (
                try FileStatus(of: file).kind,
                isLink ? CopyPath(try links.linkTarget(of: Array(String(file.rawValue).utf8))) : CopyPath(trimmed)
            )
        }
        guard kind != .other else {
            throw .refused(path: trimmed, reason: "a file does not take the place of a device, a pipe or a socket")
        }
        return place
    }

    /// Where a member of the archive goes.
    ///
    /// - Throws: `refused` if it is not below the root that was announced.
    func path(of entry: ArchiveEntry, root: [UInt8]?) throws(TransferError) -> EntryPath {
        try path(named: entry.name, root: root)
    }

    func path(named name: [UInt8], root: [UInt8]?) throws(TransferError) -> EntryPath {
        var path = try EntryPath(validating: name)
        guard let root else { return path }
        let hasName = root != Array(".".utf8)
        guard !hasName || path.components.first == root else {
            throw .refused(path: name, reason: "the archive has a member that was not asked for")
        }
        if let newName {
            if hasName { path.components.removeFirst() }
            path.components.insert(newName, at: 0)
        }
        return path
    }
}
