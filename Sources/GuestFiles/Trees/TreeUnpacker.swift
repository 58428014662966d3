internal import Glibc
public import GuestProtocol
internal import Linux

/// Makes the files of an archive.
///
/// The archive may come from an enemy. No name in it leads out of the destination: each is checked by itself, and looked up by the
/// kernel below an open directory and through no symbolic link, neither one that the archive has brought nor one that was there. A file
/// is written under a name of its own and renamed when it is whole, so that nothing is ever written into, and nobody sees half of
/// one. Devices, sockets and pipes are never made.
public final class TreeUnpacker {
    /// What is taken from an archive, and how much of it.
    public struct Options: Sendable {
        /// What the first member is called, which all others are below. nil: the archive may hold anything.
        public var root: [UInt8]?
        /// Whether files get the owner that the archive names, where this process may do that.
        public var keepsOwners: Bool
        /// Whether set-user-id, set-group-id and sticky bits are kept.
        public var keepsSpecialModes: Bool
        /// More members are refused.
        public var maximumEntries = 10_000_000
        /// More bytes of contents are refused.
        public var maximumBytes = Int64.max

        /// Without bounds that matter; set them for an archive of a stranger.
        public init(root: [UInt8]?, keepsOwners: Bool, keepsSpecialModes: Bool) {
            self.root = root
            self.keepsOwners = keepsOwners
            self.keepsSpecialModes = keepsSpecialModes
        }
    }

    /// A directory whose mode and time are set when all that is in it is there.
    private struct Pending {
        var path: EntryPath
        var entry: ArchiveEntry
    }

    private final class OpenDirectory {
        let path: EntryPath
        let descriptor: Descriptor

        init(_ path: EntryPath, _ descriptor: consuming Descriptor) {
            self.path = path
            self.descriptor = descriptor
        }
    }

    private let reader: ArchiveReader
    private let path: CopyPath
    private let options: Options
    private let isRoot = geteuid() == 0
    private var summary = FileSummary()
    private var entries = 0
    private var pending: [Pending] = []
    /// The directory of the last member, since the next one is mostly in it too.
    private var current: OpenDirectory?

    /// - Parameter path: Where the copy goes, by the rules of cp(1); if ``Options/root`` is nil, a directory.
    public init(_ source: any ArchiveSource, to path: [UInt8], _ options: Options) {
        reader = ArchiveReader(source)
        self.path = CopyPath(path)
        self.options = options
    }

    /// Reads the archive to its end and makes its files. What was whole when it fails stays.
    ///
    /// - Throws: `file`, `refused`, `malformed`; what the source throws.
    public func unpack() throws(TransferError) -> FileSummary {
        guard var entry = try reader.next() else {
            guard options.root == nil else { throw .malformed("it is empty") }
            return summary
        }
        let destination = try CopyDestination(path, root: options.root, isDirectory: entry.kind == .directory)
        while true {
            entries += 1
            guard entries <= options.maximumEntries else {
                throw .refused(
                    path: path.bytes, reason: "the archive has more than \(options.maximumEntries) members")
            }
            let place = try destination.path(of: entry, root: options.root)
            try settle(in: destination.directory) { !place.isAtOrBelow($0) }
            try make(entry, at: place, in: destination)
            guard let next = try reader.next() else { break }
            entry = next
        }
        try settle(in: destination.directory) { _ in true }
        return summary
    }

    private func make(
        _ entry: ArchiveEntry, at place: EntryPath, in destination: borrowing CopyDestination
    ) throws(TransferError) {
        switch entry.kind {
        case .directory:
            summary.directories += 1
            // The destination itself was there before, and is left as it is.
            guard let name = place.components.last else { return }
            try makeDirectory(name, place, in: try enter(place.parent, below: destination.directory))
            pending.append(Pending(path: place, entry: entry))
        case .file:
            summary.files += 1
            try replace(place, in: destination.directory) { (directory, name) throws(TransferError) in
                try self.writeFile(entry, place, name, in: directory)
            }
        case .symbolicLink(let target):
            summary.symbolicLinks += 1
            try replace(place, in: destination.directory) { (directory, name) throws(TransferError) in
                try attempt(self.shown(place)) { () throws(Errno) in
                    try directory.makeSymbolicLink(name, to: target)
                    if self.setsOwners { try directory.setOwner(entry.owner, entry.group, of: name) }
                    try directory.setModified(entry.modified, of: name)
                }
            }
        case .hardLink(let target):
            summary.files += 1
            let original = try destination.path(named: target, root: options.root)
            guard let originalName = original.components.last else {
                throw .refused(path: target, reason: "the archive has a link to a directory")
            }
            let source = try attempt(shown(original)) { () throws(Errno) in
                try destination.directory.openBeneath(original.parent.bytes, O_DIRECTORY | O_RDONLY)
            }
            try replace(place, in: destination.directory, isLink: true) { (directory, name) throws(TransferError) in
                try attempt(self.shown(original)) { () throws(Errno) in
                    try directory.makeLink(name, to: originalName, in: source)
                }
            }
        case .other:
            summary.skip(String(decoding: entry.name, as: UTF8.self))
        }
    }

    // MARK: Files

    private func writeFile(
        _ entry: ArchiveEntry, _ place: EntryPath, _ name: [UInt8], in directory: borrowing Descriptor
    ) throws(TransferError) {
        let path = shown(place)
        let file = try attempt(path) { () throws(Errno) in
            try directory.openBeneath(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        }
        while let (offset, bytes) = try reader.nextData() {
            summary.bytes += UInt64(bytes.count)
            guard summary.bytes <= UInt64(options.maximumBytes) else {
                throw .refused(path: path, reason: "the copy would be larger than \(options.maximumBytes) bytes")
            }
            try attempt(path) { () throws(Errno) in try file.write(bytes, at: offset) }
        }
        try attempt(path) { () throws(Errno) in
            if entry.segments != nil { try file.setSize(entry.size) }
            // In this order: a change of the owner takes set-user-id bits away.
            if setsOwners { try file.setOwner(entry.owner, entry.group) }
            try file.setMode(mode(entry))
            try file.setModified(entry.modified)
        }
    }

    /// Lets `make` make something under a name of its own, which then takes the place of whatever has the name in the archive.
    private func replace(
        _ place: EntryPath, in top: borrowing Descriptor, isLink: Bool = false,
        _ make: (borrowing Descriptor, [UInt8]) throws(TransferError) -> Void
    ) throws(TransferError) {
        guard let name = place.components.last else {
            throw .refused(path: path.bytes, reason: "the archive has a file in the place of a directory")
        }
        let directory = try enter(place.parent, below: top)
        let temporary = TemporaryName.make()
        do throws(TransferError) {
            try make(directory.descriptor, temporary)
            try attempt(shown(place)) { () throws(Errno) in try directory.descriptor.rename(temporary, to: name) }
        } catch {
            try? directory.descriptor.unlink(temporary)
            throw error
        }
        // rename(2) leaves two names of one file as they are.
        if isLink { try? directory.descriptor.unlink(temporary) }
    }

    // MARK: Directories

    /// Goes to a directory of the copy, which is made if the archive does not have it.
    @discardableResult
    private func enter(_ place: EntryPath, below top: borrowing Descriptor) throws(TransferError) -> OpenDirectory {
        if let current, current.path == place { return current }
        do throws(Errno) {
            return try open(place, below: top)
        } catch {
            guard error == .noSuchFile, let name = place.components.last else { throw refusal(of: place, error) }
            try makeDirectory(name, place, in: try enter(place.parent, below: top), mode: 0o755)
        }
        do throws(Errno) { return try open(place, below: top) } catch { throw refusal(of: place, error) }
    }

    private func open(_ place: EntryPath, below top: borrowing Descriptor) throws(Errno) -> OpenDirectory {
        let directory = OpenDirectory(place, try top.openBeneath(place.bytes, O_DIRECTORY | O_RDONLY))
        current = directory
        return directory
    }

    private func makeDirectory(
        _ name: [UInt8], _ place: EntryPath, in parent: OpenDirectory, mode: UInt32 = 0o700
    ) throws(TransferError) {
        do throws(Errno) {
            try parent.descriptor.makeDirectory(name, mode: mode)
        } catch {
            guard error == .fileExists else { throw .file(path: shown(place), error) }
            let status = try attempt(shown(place)) { () throws(Errno) in try parent.descriptor.status(of: name) }
            guard status.kind == .directory else {
                throw refusal(of: place, status.kind == .link ? .tooManyLinks : .notDirectory)
            }
        }
    }

    /// Gives directories that are complete their modes and times, from the innermost on.
    private func settle(
        in top: borrowing Descriptor, _ isComplete: (EntryPath) -> Bool
    ) throws(TransferError) {
        while let last = pending.last, isComplete(last.path) {
            pending.removeLast()
            try attempt(shown(last.path)) { () throws(Errno) in
                let directory = try top.openBeneath(last.path.bytes, O_DIRECTORY | O_RDONLY)
                if setsOwners { try directory.setOwner(last.entry.owner, last.entry.group) }
                try directory.setMode(mode(last.entry))
                try directory.setModified(last.entry.modified)
            }
        }
    }

    // MARK: Particulars

    private var setsOwners: Bool { options.keepsOwners && isRoot }

    private func mode(_ entry: ArchiveEntry) -> UInt32 {
        entry.mode & (options.keepsSpecialModes ? 0o7777 : 0o777)
    }

    /// The kernel's refusal to go through a link, in words that say which link is meant.
    private func refusal(of place: EntryPath, _ error: Errno) -> TransferError {
        guard error == .tooManyLinks || error == .crossDeviceLink else { return .file(path: shown(place), error) }
        return .refused(
            path: shown(place), reason: "is, or is behind, a symbolic link; nothing is copied through links")
    }

    /// A place for people to read.
    private func shown(_ place: EntryPath) -> [UInt8] {
        var path = path.bytes
        while path.last == UInt8(ascii: "/") { path.removeLast() }
        return place.components.isEmpty ? path : path + [UInt8(ascii: "/")] + place.bytes
    }
}
