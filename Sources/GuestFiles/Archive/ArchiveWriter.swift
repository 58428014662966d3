/// Writes an archive in the pax format (POSIX.1-2001), which tar programs read; files with holes as GNU tar's format 1.0 has them.
public struct ArchiveWriter {
    private let sink: any ArchiveSink

    /// - Parameter sink: Where the archive goes.
    public init(_ sink: any ArchiveSink) {
        self.sink = sink
    }

    /// Begins a member. The data of a file follow, of all segments one after another, and then ``endData(count:)``.
    public func begin(_ entry: ArchiveEntry) throws(TransferError) {
        var records = PaxRecords()
        var header = HeaderBlock()
        var stored = entry.size
        var map: [UInt8] = []
        if let segments = entry.segments {
            map = Self.sparseMap(segments, size: entry.size)
            stored = Int64(map.count) + segments.reduce(0) { $0 + Int64($1.count) }
            records.append("GNU.sparse.major", "1")
            records.append("GNU.sparse.minor", "0")
            records.append("GNU.sparse.name", entry.name)
            records.append("GNU.sparse.realsize", "\(entry.size)")
            header.set(name: Array("GNUSparseFile.0/".utf8) + Self.shortName(entry.name))
        } else if !header.set(name: entry.name) {
            records.append("path", entry.name)
            header.set(name: Self.shortName(entry.name))
        }
        let (flag, target): (UInt8, [UInt8]?) =
            switch entry.kind {
            case .file: (UInt8(ascii: "0"), nil)
            case .hardLink(let target): (UInt8(ascii: "1"), target)
            case .symbolicLink(let target): (UInt8(ascii: "2"), target)
            case .directory: (UInt8(ascii: "5"), nil)
            case .other(let flag): (flag, nil)
            }
        if entry.kind != .file { stored = 0 }
        header.set(flag: flag)
        if let target, !header.set(link: target) { records.append("linkpath", target) }
        header.set(mode: UInt64(entry.mode))
        if !header.set(owner: UInt64(entry.owner)) { records.append("uid", "\(entry.owner)") }
        if !header.set(group: UInt64(entry.group)) { records.append("gid", "\(entry.group)") }
        if !header.set(size: UInt64(max(0, stored))) { records.append("size", "\(stored)") }
        let time = PaxTime(nanoseconds: entry.modified)
        if !header.set(modified: time.seconds) || time.nanoseconds != 0 { records.append("mtime", time.text) }
        try write(records, of: entry)
        try sink.write(header.sealed())
        try sink.write(map)
    }

    /// Fills up the last block of a file whose `count` bytes of data have been written.
    public func endData(count: Int64) throws(TransferError) {
        try sink.writeZeros(ArchiveFormat.padding(count))
    }

    /// Ends the archive.
    public func finish() throws(TransferError) {
        try sink.writeZeros(Int64(2 * ArchiveFormat.blockSize))
    }

    private func write(_ records: PaxRecords, of entry: ArchiveEntry) throws(TransferError) {
        if records.isEmpty { return }
        var header = HeaderBlock()
        header.set(name: Array("PaxHeaders/".utf8) + Self.shortName(entry.name))
        header.set(flag: UInt8(ascii: "x"))
        header.set(mode: 0o644)
        header.set(owner: 0)
        header.set(group: 0)
        header.set(size: UInt64(records.bytes.count))
        header.set(modified: 0)
        try sink.write(header.sealed())
        try sink.write(records.bytes)
        try sink.writeZeros(ArchiveFormat.padding(Int64(records.bytes.count)))
    }

    /// What a program that does not know the extension would call the file.
    private static func shortName(_ name: [UInt8]) -> [UInt8] {
        Array((name.split(separator: UInt8(ascii: "/")).last ?? []).prefix(80))
    }

    /// The number of segments, then offset and length of each, one number to a line; filled up to a whole block.
    ///
    /// An empty segment at the end tells GNU tar how long a file is that ends with a hole.
    private static func sparseMap(_ segments: [Range<Int64>], size: Int64) -> [UInt8] {
        let segments = segments.last?.upperBound == size ? segments : segments + [size..<size]
        var map = Array("\(segments.count)\n".utf8)
        for segment in segments { map.append(contentsOf: "\(segment.lowerBound)\n\(segment.count)\n".utf8) }
        map.append(contentsOf: [UInt8](repeating: 0, count: Int(ArchiveFormat.padding(Int64(map.count)))))
        return map
    }
}
