internal import Linux

/// A log and the files that it was before, `PATH.1` and so on: read in pieces, while somebody writes to it and renames it. Blocks the thread.
struct LogFiles: Sendable {
    /// Where a reader is. Files are known by their inodes, since their names change.
    struct Position: Sendable {
        fileprivate var inode: UInt64?
        fileprivate var offset = 0

        /// The beginning of the oldest file.
        static let beginning = Position()
    }

    /// Of a piece, in bytes.
    static let pieceSize = 256 << 10
    private static let maximumFiles = 9
    /// How often a file is looked for that cannot be opened.
    private static let maximumMisses = 10

    let path: String

    /// The files that there are, the oldest first.
    private var files: [(path: String, status: FileStatus)] {
        let names = (1...Self.maximumFiles).reversed().map { "\(path).\($0)" } + [path]
        return names.compactMap { name in (try? FileStatus(of: name)).map { (name, $0) } }
    }

    /// Reads on.
    ///
    /// - Returns: What there is, at most ``pieceSize`` bytes; empty if that is nothing now.
    func read(_ position: inout Position) -> [UInt8] {
        var misses = 0
        while true {
            let files = files
            // One that is gone was the oldest: what follows it is the oldest now.
            let index = files.firstIndex { $0.status.inode == position.inode } ?? 0
            guard index < files.count else { return [] }
            if files[index].status.inode != position.inode {
                position = Position(inode: files[index].status.inode)
            }
            guard let file = try? Descriptor.open(files[index].path, 0),
                (try? FileStatus(of: file))?.inode == position.inode
            else {
                // It has got another name since it was looked for; what cannot be opened at all is passed over.
                misses += 1
                if misses < Self.maximumMisses { continue }
                guard index + 1 < files.count else { return [] }
                position = Position(inode: files[index + 1].status.inode)
                misses = 0
                continue
            }
            if let bytes = try? file.read(at: position.offset, upTo: Self.pieceSize), !bytes.isEmpty {
                position.offset += bytes.count
                return bytes
            }
            guard index + 1 < files.count else { return [] }
            position = Position(inode: files[index + 1].status.inode)
        }
    }

    /// Where the last lines begin, found from the end.
    ///
    /// - Parameter number: How many; a last one without a line break is one, too.
    func beginningOfLast(_ number: Int) -> Position {
        var left = number
        for file in files.reversed() {
            guard let open = try? Descriptor.open(file.path, 0) else { continue }
            var end = Int(file.status.size)
            if number == 0 { return Position(inode: file.status.inode, offset: end) }
            while end > 0 {
                let start = max(0, end - Self.pieceSize)
                guard let bytes = try? open.read(at: start, upTo: end - start) else { break }
                for index in bytes.indices.reversed() where bytes[index] == 0x0a {
                    // The line break at the very end is that of the file's last line; every other one ends the line before.
                    if start + index + 1 == Int(file.status.size) { continue }
                    left -= 1
                    if left == 0 { return Position(inode: file.status.inode, offset: start + index + 1) }
                }
                end = start
            }
            // The first line of a file has no line break before it.
            if file.status.size > 0 {
                left -= 1
                if left == 0 { return Position(inode: file.status.inode, offset: 0) }
            }
        }
        return .beginning
    }
}

/// Takes a log apart as it grows.
struct LogFollower {
    /// A record is no longer than this: what is longer was not written by a supervisor.
    private static let maximumLength = 64 << 10

    private var pending: [UInt8] = []

    /// - Returns: The lines that are complete now, without their breaks.
    mutating func feed(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        pending += bytes
        guard let end = pending.lastIndex(of: 0x0a) else {
            if pending.count > Self.maximumLength { pending = [] }
            return []
        }
        defer { pending.removeFirst(end + 1) }
        return pending[..<end].split(separator: 0x0a, omittingEmptySubsequences: true)
    }
}
