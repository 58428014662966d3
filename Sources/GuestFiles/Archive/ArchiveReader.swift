/// Reads an archive: what ``ArchiveWriter`` writes, and what GNU tar, bsdtar and Docker do (ustar, pax, GNU's long names).
///
/// Nothing in it is believed: every header has its checksum, no size is allocated before it has been bounded, and names are only
/// bytes here, which ``EntryPath`` looks at.
public final class ArchiveReader {
    private let source: any ArchiveSource
    /// Bytes of the present member's contents that were not read yet, and what fills up their last block.
    private var left: Int64 = 0
    private var padding: Int64 = 0
    /// Of the present file: its segments that are not over yet, and where in the file the next byte belongs.
    private var segments: ArraySlice<Range<Int64>> = []

    /// - Parameter source: Where the archive comes from, from its first byte on.
    public init(_ source: any ArchiveSource) {
        self.source = source
    }

    /// The next member; nil at the end. Contents of the last one that were not read are passed over.
    public func next() throws(TransferError) -> ArchiveEntry? {
        try skip()
        var extended: [String: [UInt8]] = [:]
        while true {
            let block = try source.bytes(ArchiveFormat.blockSize)
            // Some programs leave out the blocks of zeros at the end.
            if block.isEmpty, extended.isEmpty { return nil }
            guard block.count == ArchiveFormat.blockSize else { throw .malformed("it ends in the middle of a header") }
            if block.allSatisfy({ $0 == 0 }) {
                guard extended.isEmpty else { throw .malformed("it ends after the header of a member") }
                return nil
            }
            let header = try HeaderBlock(block)
            switch header.flag {
            case UInt8(ascii: "x"):
                extended.merge(try PaxRecords.parse(try contents(of: header))) { _, new in new }
            case UInt8(ascii: "g"): _ = try contents(of: header)
            case UInt8(ascii: "L"): extended["path"] = Array(try contents(of: header).prefix { $0 != 0 })
            case UInt8(ascii: "K"): extended["linkpath"] = Array(try contents(of: header).prefix { $0 != 0 })
            default: return try entry(header, extended)
            }
        }
    }

    /// The next bytes of the present file and the offset in it where they belong; nil after the last.
    public func nextData() throws(TransferError) -> (offset: Int64, bytes: UnsafeRawBufferPointer)? {
        while let segment = segments.first, segment.isEmpty { segments.removeFirst() }
        guard let segment = segments.first, let index = segments.indices.first else { return nil }
        let bytes = try source.next(upTo: Int(clamping: min(Int64(segment.count), left)))
        if bytes.isEmpty { throw .malformed("it ends in the middle of a file") }
        left -= Int64(bytes.count)
        segments[index] = (segment.lowerBound + Int64(bytes.count))..<segment.upperBound
        return (segment.lowerBound, bytes)
    }

    private func skip() throws(TransferError) {
        var rest = left + padding
        while rest > 0 {
            let bytes = try source.next(upTo: Int(clamping: rest))
            if bytes.isEmpty { throw .malformed("it ends in the middle of a file") }
            rest -= Int64(bytes.count)
        }
        (left, padding, segments) = (0, 0, [])
    }

    /// The contents of a member that describes the next one.
    private func contents(of header: HeaderBlock) throws(TransferError) -> [UInt8] {
        let size = try header.size()
        guard (0...ArchiveFormat.maximumHeader).contains(size) else { throw .malformed("a header is too long") }
        let bytes = try source.bytes(Int(size))
        guard bytes.count == Int(size),
            try source.bytes(Int(ArchiveFormat.padding(size))).count
                == Int(ArchiveFormat.padding(size))
        else { throw .malformed("it ends in the middle of a header") }
        return bytes
    }

    private func entry(
        _ header: HeaderBlock, _ extended: [String: [UInt8]]
    ) throws(TransferError) -> ArchiveEntry {
        let name = extended["GNU.sparse.name"] ?? extended["path"] ?? header.name
        let target = extended["linkpath"] ?? header.link
        let kind: ArchiveEntry.Kind =
            switch header.flag {
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
                // Before there was a flag for directories.
                name.last == UInt8(ascii: "/") ? .directory : .file
            case UInt8(ascii: "1"): .hardLink(target: target)
            case UInt8(ascii: "2"): .symbolicLink(target: target)
            case UInt8(ascii: "5"): .directory
            case UInt8(ascii: "S"):
                throw .refused(path: name, reason: "is sparse in GNU tar's old format; use tar --format=posix")
            default: .other(header.flag)
            }
        let size = try Self.number(extended["size"], else: header.size)
        guard size >= 0, size <= Int64.max - 1024 else { throw .malformed("a size is none") }
        // Links and the like have no contents, whatever their size field says; others are passed over.
        if case .hardLink = kind {
        } else if case .symbolicLink = kind {
        } else {
            (left, padding) = (size, ArchiveFormat.padding(size))
        }
        var entry = ArchiveEntry(
            name: name, kind: kind, mode: try header.mode(),
            owner: UInt32(clamping: try Self.number(extended["uid"], else: header.owner)),
            group: UInt32(clamping: try Self.number(extended["gid"], else: header.group)),
            modified: try Self.time(extended["mtime"], header), size: kind == .file ? size : 0)
        if kind == .file {
            if extended["GNU.sparse.major"] != nil {
                try readSparseMap(of: &entry, extended)
            } else if extended.keys.contains(where: { $0.hasPrefix("GNU.sparse.") }) {
                throw .refused(path: name, reason: "is sparse in a format older than GNU tar's 1.0")
            } else {
                segments = [0..<size]
            }
        }
        return entry
    }

    private func readSparseMap(
        of entry: inout ArchiveEntry, _ extended: [String: [UInt8]]
    ) throws(TransferError) {
        guard extended["GNU.sparse.major"] == Array("1".utf8), extended["GNU.sparse.minor"] == Array("0".utf8),
            let size = try Self.number(extended["GNU.sparse.realsize"]), size >= 0
        else { throw .refused(path: entry.name, reason: "is sparse in an unknown format") }
        var map = SparseMapParser()
        while !map.isComplete {
            guard left >= Int64(ArchiveFormat.blockSize) else { throw .malformed("a sparse map is cut") }
            let block = try source.bytes(ArchiveFormat.blockSize)
            guard block.count == ArchiveFormat.blockSize else { throw .malformed("a sparse map is cut") }
            left -= Int64(block.count)
            try map.take(block)
        }
        let list = try map.segments(fileSize: size)
        guard list.reduce(0, { $0 + Int64($1.count) }) == left else {
            throw .malformed("a sparse map is of another size than its file")
        }
        entry.size = size
        entry.segments = list
        segments = list[...]
    }

    private static func number(
        _ text: [UInt8]?, else field: () throws(TransferError) -> Int64
    ) throws(TransferError) -> Int64 {
        if let number = try number(text) { return number }
        return try field()
    }

    private static func number(_ text: [UInt8]?) throws(TransferError) -> Int64? {
        guard let text else { return nil }
        guard let number = Int64(String(decoding: text, as: UTF8.self)) else {
            throw .malformed("a number in a pax header is none")
        }
        return number
    }

    private static func time(_ text: [UInt8]?, _ header: HeaderBlock) throws(TransferError) -> Int64 {
        if let text {
            guard let time = PaxTime(text: text), let total = time.total else { throw .malformed("a time is none") }
            return total
        }
        let (product, overflow) = try header.modified().multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { throw .malformed("a time is none") }
        return product
    }
}
