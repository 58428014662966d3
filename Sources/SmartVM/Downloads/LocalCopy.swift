internal import FirecrackerClient
internal import Glibc
internal import Linux

/// A file of this machine, copied with the checks that a download has; its holes stay holes.
struct LocalCopy: Sendable {
    let wanted: DownloadRequest
    let path: String

    /// Bytes that are copied before somebody is told.
    private static let pieceSize = 8 << 20

    /// See ``Downloader/fetch(_:to:partials:progress:)``.
    func run(to destination: String, progress: Downloader.Progress) async throws -> ReceivedFile {
        let size: Int64
        do throws(Errno) {
            let status = try FileStatus(of: path)
            // A pipe or device could give bytes without end.
            guard status.kind == .file else { throw status.kind == .directory ? .isDirectory : .invalidArgument }
            size = status.size
        } catch {
            let why = error == .invalidArgument ? "it is not a regular file" : "\(error)"
            throw SmartVMError(.invalidFile, "\(wanted) cannot be used: \(why).", underlying: error)
        }
        if let announced = wanted.size, announced != size { throw wanted.wrongSize(size, announced) }
        try wanted.check(size: size, at: destination)

        let file = try HashedFile(path: destination)
        do {
            try file.reset()
            while true {
                try Task.checkCancellation()
                let offset = file.size
                let isDone = try await BlockingWork.run {
                    let piece = try Descriptor.open(path, O_RDONLY).read(at: Int(offset), upTo: Self.pieceSize)
                    try piece.withUnsafeBytes { try file.add($0) }
                    return piece.count < Self.pieceSize
                }
                // It could grow for as long as it is read.
                guard file.size <= wanted.limit else { throw DownloadRequest.tooLarge("\(wanted)", wanted.limit) }
                try progress(file.size, size)
                if isDone { break }
            }
            let received = ReceivedFile(size: file.size, sha256: file.sha256)
            try wanted.check(received)
            try await BlockingWork.run { try file.seal() }
            return received
        } catch {
            try? FileTree.removeAll(destination)
            if let errno = error as? Errno {
                if errno == .noSpace { throw SmartVMError.noSpace(at: destination, underlying: errno) }
                throw SmartVMError(.invalidFile, "\(wanted) cannot be copied: \(errno).", underlying: errno)
            }
            throw error
        }
    }
}
