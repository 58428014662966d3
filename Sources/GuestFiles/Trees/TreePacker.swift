internal import Glibc
public import GuestProtocol
internal import Linux

/// Makes an archive of a file, or of a directory with all that is in it.
///
/// Symbolic links are archived as such. A directory below the source on which another file system is mounted is left out (a guest's
/// /proc has no end), as are devices, sockets and pipes; what vanishes meanwhile is left out too. A file that becomes shorter
/// while it is read is filled up with zeros, and one that becomes longer is cut, because its size has been announced by then.
public final class TreePacker {
    /// A directory whose names are still to be archived.
    private struct Level {
        var path: EntryPath
        /// The next one is the last.
        var names: [[UInt8]]
    }

    private struct FileID: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private let sink: any ArchiveSink
    private let writer: ArchiveWriter
    private var summary = FileSummary()
    /// Archive names of files that have more than one name.
    private var linked: [FileID: [UInt8]] = [:]
    private static let maximumLinked = 1_000_000

    /// - Parameter sink: Where the archive goes.
    public init(_ sink: any ArchiveSink) {
        self.sink = sink
        writer = ArchiveWriter(sink)
    }

    /// Whether there is something at `path` that can be archived.
    ///
    /// - Throws: What ``pack(_:)`` would throw before anything is written.
    public static func check(_ path: [UInt8]) throws(TransferError) {
        _ = try status(of: CopyPath(path))
    }

    private static func status(of source: CopyPath) throws(TransferError) -> FileStatus {
        // With a `/` behind it the path of a link means what the link leads to.
        let flags = Descriptor.pathOnly | (source.meansDirectory ? O_DIRECTORY : O_NOFOLLOW)
        let status = try attempt(source.bytes) { () throws(Errno) in
            try FileStatus(of: try Descriptor.open(path: source.bytes, flags))
        }
        guard status.kind != .other else {
            throw .refused(path: source.bytes, reason: "is a device, a pipe or a socket")
        }
        return status
    }

    /// Archives what is at `path` under the name that ``CopyPath/name`` gives.
    ///
    /// - Throws: `file`, `refused`; what the sink throws.
    public func pack(_ path: [UInt8]) throws(TransferError) -> FileSummary {
        let source = CopyPath(path)
        let status = try Self.status(of: source)
        if status.kind == .directory {
            let top = try attempt(path) { () throws(Errno) in
                try Descriptor.open(
                    path: path, O_RDONLY | O_DIRECTORY | (source.meansDirectory ? 0 : O_NOFOLLOW))
            }
            try packTree(top, source)
        } else {
            let parent = try attempt(path) { () throws(Errno) in
                try Descriptor.open(path: source.parent, O_RDONLY | O_DIRECTORY)
            }
            try packOther(source.name, in: parent, as: source.name, shown: path)
        }
        try writer.finish()
        return summary
    }

    private func packTree(_ top: consuming Descriptor, _ source: CopyPath) throws(TransferError) {
        let topStatus = try attempt(source.bytes) { () throws(Errno) in try FileStatus(of: top) }
        var current = try attempt(source.bytes) { () throws(Errno) in try top.duplicate() }
        var levels = [Level(path: EntryPath([]), names: [])]
        try packDirectory(topStatus, as: source.name)
        levels[0].names = try names(in: current, shown: source.bytes)
        while let level = levels.last {
            guard let name = level.names.last else {
                levels.removeLast()
                guard let above = levels.last else { break }
                // Not by `..`: the directory may have been moved.
                current = try attempt(shown(above.path, source)) { () throws(Errno) in
                    try top.openBeneath(above.path.bytes, O_RDONLY | O_DIRECTORY)
                }
                continue
            }
            levels[levels.count - 1].names.removeLast()
            let path = EntryPath(level.path.components + [name])
            let archiveName = source.hasName ? source.name + [UInt8(ascii: "/")] + path.bytes : path.bytes
            do throws(TransferError) {
                let status = try attempt(shown(path, source)) { () throws(Errno) in try current.status(of: name) }
                guard status.kind == .directory else {
                    try packOther(name, in: current, as: archiveName, shown: shown(path, source))
                    continue
                }
                guard status.device == topStatus.device else {
                    summary.skip(String(decoding: shown(path, source), as: UTF8.self))
                    continue
                }
                let directory = try attempt(shown(path, source)) { () throws(Errno) in
                    try current.openBeneath(name, O_RDONLY | O_DIRECTORY)
                }
                try packDirectory(status, as: archiveName)
                levels.append(Level(path: path, names: try names(in: directory, shown: shown(path, source))))
                current = directory
            } catch {
                // It is not there any more, which is as if it had not been.
                guard case .file(_, .noSuchFile) = error else { throw error }
            }
        }
    }

    private func names(in directory: borrowing Descriptor, shown path: [UInt8]) throws(TransferError) -> [[UInt8]] {
        try attempt(path) { () throws(Errno) in try directory.names() }.reversed()
    }

    private func packDirectory(_ status: FileStatus, as name: [UInt8]) throws(TransferError) {
        summary.directories += 1
        try writer.begin(Self.entry(name, .directory, status))
    }

    private func packOther(
        _ name: [UInt8], in directory: borrowing Descriptor, as archiveName: [UInt8], shown path: [UInt8]
    ) throws(TransferError) {
        let status = try attempt(path) { () throws(Errno) in try directory.status(of: name) }
        switch status.kind {
        case .link:
            let target = try attempt(path) { () throws(Errno) in try directory.linkTarget(of: name) }
            summary.symbolicLinks += 1
            try writer.begin(Self.entry(archiveName, .symbolicLink(target: target), status))
        case .file:
            // Whatever took its place in the meantime, opening it must not wait.
            let file = try attempt(path) { () throws(Errno) in
                try directory.openBeneath(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            }
            let status = try attempt(path) { () throws(Errno) in try FileStatus(of: file) }
            guard status.kind == .file else { fallthrough }
            try packFile(file, status, as: archiveName, shown: path)
        case .directory, .other:
            summary.skip(String(decoding: path, as: UTF8.self))
        }
    }

    private func packFile(
        _ file: borrowing Descriptor, _ status: FileStatus, as name: [UInt8], shown path: [UInt8]
    ) throws(TransferError) {
        summary.files += 1
        if status.links > 1 {
            let id = FileID(device: status.device, inode: status.inode)
            if let first = linked[id] { return try writer.begin(Self.entry(name, .hardLink(target: first), status)) }
            if linked.count < Self.maximumLinked { linked[id] = name }
        }
        let segments = try attempt(path) { () throws(Errno) in try Self.segments(of: file, status) }
        var entry = Self.entry(name, .file, status)
        entry.size = status.size
        entry.segments = segments
        try writer.begin(entry)
        var count: Int64 = 0
        for segment in segments ?? [0..<status.size] {
            try copy(segment, of: file, shown: path)
            count += Int64(segment.count)
        }
        summary.bytes += UInt64(count)
        try writer.endData(count: count)
    }

    private func copy(
        _ segment: Range<Int64>, of file: borrowing Descriptor, shown path: [UInt8]
    ) throws(TransferError) {
        var offset = segment.lowerBound
        while offset < segment.upperBound {
            let room = try sink.room()
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: room.prefix(Int(clamping: min(Int64(room.count), segment.upperBound - offset))))
            let count = try attempt(path) { () throws(Errno) in try file.read(into: piece, at: offset) }
            if count == 0 { return try sink.writeZeros(segment.upperBound - offset) }
            try sink.commit(count)
            offset += Int64(count)
        }
    }

    /// Where a file's data lies, if it has holes that are worth a map.
    private static func segments(
        of file: borrowing Descriptor, _ status: FileStatus
    ) throws(Errno) -> [Range<Int64>]? {
        guard status.allocated < status.size else { return nil }
        var segments: [Range<Int64>] = []
        var offset: Int64 = 0
        do throws(Errno) {
            while offset < status.size, let data = try file.nextData(from: offset) {
                var segment = data.clamped(to: 0..<status.size)
                if segments.count == ArchiveFormat.maximumSegments - 1 {
                    segment = segment.lowerBound..<status.size
                }
                if !segment.isEmpty { segments.append(segment) }
                offset = max(segment.upperBound, offset + 1)
            }
        } catch .invalidArgument {
            // This file system does not say.
            return nil
        }
        return segments == [0..<status.size] ? nil : segments
    }

    private static func entry(_ name: [UInt8], _ kind: ArchiveEntry.Kind, _ status: FileStatus) -> ArchiveEntry {
        ArchiveEntry(
            name: name, kind: kind, mode: status.mode, owner: status.owner, group: status.group,
            modified: status.modified)
    }

    private func shown(_ path: EntryPath, _ source: CopyPath) -> [UInt8] {
        var top = source.bytes
        while top.last == UInt8(ascii: "/") { top.removeLast() }
        return path.components.isEmpty ? top : top + [UInt8(ascii: "/")] + path.bytes
    }
}
