internal import CLinux
internal import Glibc

/// Which pages of another process are its own, and not those of a file: /proc/PID/maps and pagemap of proc(5).
public struct ProcessPages: Sendable {
    public let pid: Int32

    /// As both files count them; on all machines that this runs on it is the size of a page.
    public static let pageSize = 4096

    public init(pid: Int32) {
        self.pid = pid
    }

    /// Where the process has mapped the first `size` bytes of a file, if it has mapped them in one piece.
    public func address(ofFile descriptor: Int32, size: Int) throws(Errno) -> UInt? {
        var status = stat()
        try systemCall { fstat(descriptor, &status) }
        let inode = String(status.st_ino)
        let text = try File.readText("/proc/\(pid)/maps")
        var first: UInt?
        var end: UInt = 0
        for line in text.split(separator: "\n") {
            // start-end permissions offset device inode path
            let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard words.count >= 5, words[4] == inode, words[3] != "00:00" else { continue }
            let bounds = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard bounds.count == 2, let offset = UInt(words[2], radix: 16) else { continue }
            if first == nil, offset == 0 {
                first = bounds[0]
                end = bounds[1]
            } else if let start = first, bounds[0] == end, bounds[0] - start == offset {
                // The kernel splits a mapping where its advice differs.
                end = bounds[1]
            }
        }
        guard let first, end - first >= UInt(size) else { return nil }
        return first
    }

    /// The stretches of a private mapping that the process has written to, as offsets from `address`, page by page.
    ///
    /// - Parameters:
    ///   - address: The mapping's beginning.
    ///   - size: In bytes, a multiple of the page size.
    public func writtenRanges(from address: UInt, size: Int) throws(Errno) -> [Range<Int>] {
        let pagemap = try Descriptor.open("/proc/\(pid)/pagemap", O_RDONLY)
        var ranges: [Range<Int>] = []
        var place = 0
        while place < size {
            let count = min(size - place, 512 * Self.pageSize) / Self.pageSize
            let bytes = try pagemap.read(
                at: Int(address) / Self.pageSize * 8 + place / Self.pageSize * 8, upTo: count * 8)
            guard bytes.count == count * 8 else { throw .inputOutput }
            bytes.withUnsafeBytes { entries in
                for index in 0..<count
                where Self.isOwn(entries.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) {
                    let start = place + index * Self.pageSize
                    if let last = ranges.last, last.upperBound == start {
                        ranges[ranges.count - 1] = last.lowerBound..<(start + Self.pageSize)
                    } else {
                        ranges.append(start..<(start + Self.pageSize))
                    }
                }
            }
            place += count * Self.pageSize
        }
        return ranges
    }

    /// Present and not a page of a file; or swapped out, which pages of a file are not.
    private static func isOwn(_ entry: UInt64) -> Bool {
        entry >> 62 & 1 == 1 || (entry >> 63 & 1 == 1 && entry >> 61 & 1 == 0)
    }
}
