internal import FirecrackerClient
internal import Linux

/// What is known of a file before it is there, held against what is said or comes.
extension DownloadRequest {
    /// Bytes that stay free on a file system beside what is fetched.
    private static let spaceKept: Int64 = 16 << 20

    /// Whether a size can be, and has room.
    ///
    /// - Throws: `SIZE_MISMATCH`, `NO_SPACE`.
    func check(size: Int64, at path: String, alreadyThere: Int64 = 0) throws(SmartVMError) {
        guard size <= limit else { throw Self.tooLarge("\(self)", limit) }
        try Self.requireSpace(size - alreadyThere, at: path)
    }

    /// Whether what came is what was announced.
    ///
    /// - Throws: `SIZE_MISMATCH`, `CHECKSUM_MISMATCH`.
    func check(_ received: ReceivedFile) throws(SmartVMError) {
        if let size, size != received.size { throw wrongSize(received.size, size) }
        if let sha256, sha256 != received.sha256 {
            throw SmartVMError(
                .checksumMismatch, "\(self) has the SHA-256 \(received.sha256), not the announced \(sha256).",
                cure: "It was damaged or replaced: fetch it from where it was published, or correct the digest.")
        }
    }

    func wrongSize(_ size: Int64, _ announced: Int64) -> SmartVMError {
        SmartVMError(.sizeMismatch, "\(self) has \(size) bytes, not the \(announced) announced.")
    }

    static func tooLarge(_ what: String, _ limit: Int64) -> SmartVMError {
        SmartVMError(.sizeMismatch, "\(what) is larger than \(limit) bytes, which is all that it may have.")
    }

    /// - Parameter path: What is not there yet is looked for above.
    /// - Throws: `NO_SPACE` if its file system has less than these bytes and a reserve.
    static func requireSpace(_ bytes: Int64, at path: String) throws(SmartVMError) {
        var place = path
        while !place.isEmpty, !File.exists(place) {
            place = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
        }
        if place.isEmpty { place = "/" }
        guard let space = try? FileSystemSpace(at: place), bytes > space.available - spaceKept else { return }
        throw SmartVMError(
            .noSpace,
            "\(bytes) bytes are needed in \(place), but only \(max(0, space.available - spaceKept)) are free there.",
            cure: "Free some, or set SMARTVM_DATA_DIR to a directory with more.")
    }
}
