internal import CLinux
internal import Glibc

/// Files with holes, and files without a name.
public enum SparseFile {
    /// The stretches of a file's first `size` bytes that are not holes, in their order: lseek(2) with SEEK_DATA. Where a
    /// file system knows of no holes, everything. The file's position moves.
    public static func dataRanges(of descriptor: Int32, size: Int) throws(Errno) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var position = 0
        while position < size {
            let start = lseek(descriptor, off_t(position), CLINUX_SEEK_DATA)
            if start < 0 {
                // Nothing but a hole follows.
                if Errno.current == .noSuchAddress { break }
                throw .current
            }
            guard start < size else { break }
            let end = min(size, try systemCall { lseek(descriptor, start, CLINUX_SEEK_HOLE) })
            ranges.append(Int(start)..<Int(end))
            position = Int(end)
        }
        return ranges
    }

    /// A file in memory, which lasts as long as its descriptors and mappings: memfd_create(2). All of it is a hole.
    public static func inMemory(_ name: String, size: Int) throws(Errno) -> Descriptor {
        let file = Descriptor(owning: try systemCall { clinux_memory_file(name) })
        try setSize(size, of: file.rawValue)
        return file
    }

    /// The same of huge pages of 2 MiB, all of which are set aside for it.
    ///
    /// - Parameter size: A multiple of 2 MiB.
    /// - Throws: `outOfMemory` if the host does not have as many.
    public static func inHugePages(_ name: String, size: Int) throws(Errno) -> Descriptor {
        let file = Descriptor(owning: try systemCall { clinux_huge_memory_file(name) })
        let value = file.rawValue
        try setSize(size, of: value)
        // Pages are set aside for a file when it is mapped, and stay so when it is unmapped.
        guard let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, value, 0), address != MAP_FAILED else {
            throw .current
        }
        munmap(address, size)
        return file
    }

    /// ftruncate(2).
    public static func setSize(_ size: Int, of descriptor: Int32) throws(Errno) {
        try systemCall { ftruncate(descriptor, off_t(size)) }
    }

    /// Gives an empty file the content of another: without a copy where the file system can, otherwise stretch by stretch,
    /// keeping holes. The positions move.
    public static func copy(_ source: Int32, to destination: Int32) throws(Errno) {
        if clinux_share_content(source, destination) == 0 { return }
        var status = stat()
        try systemCall { fstat(source, &status) }
        let size = Int(status.st_size)
        try setSize(size, of: destination)
        for range in try dataRanges(of: source, size: size) {
            var place = off_t(range.lowerBound)
            try systemCall { lseek(destination, place, SEEK_SET) }
            while place < range.upperBound {
                let count = range.upperBound - Int(place)
                // The file has become shorter meanwhile.
                if try systemCall({ sendfile(destination, source, &place, count) }) == 0 { return }
            }
        }
    }

    /// Writes all of a buffer at a place of a file.
    public static func write(
        _ buffer: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int
    ) throws(Errno) {
        var written = 0
        while written < buffer.count {
            let start = written
            written += try systemCall {
                pwrite(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start, off_t(offset + start))
            }
        }
    }
}
