internal import Glibc
internal import Linux

/// Parts of open files, read without moving their place.
enum FileRange {
    /// Up to `count` bytes at `offset`: fewer at the end, nil if the file cannot be read.
    static func read(_ descriptor: Int32, _ offset: UInt64, _ count: Int) -> [UInt8]? {
        guard let start = Int(exactly: offset) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var length = 0
        while length < count {
            let place = length
            let result = try? systemCall {
                bytes.withUnsafeMutableBytes { buffer in
                    pread(descriptor, buffer.baseAddress.map { $0 + place }, count - place, start + place)
                }
            }
            guard let result else { return nil }
            if result == 0 { break }
            length += result
        }
        return Array(bytes[..<length])
    }

    static func size(_ descriptor: Int32) -> UInt64? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? UInt64(clamping: status.st_size) : nil
    }

    static func isDirectory(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func isRegularFile(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    static func isBlockDevice(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFBLK
    }
}
