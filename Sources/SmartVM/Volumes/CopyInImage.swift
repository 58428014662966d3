internal import FirecrackerClient
internal import Glibc
internal import Linux

/// An ext4 image of a directory of the host.
///
/// Owners, modes, times, links and holes are kept. There is room to spare for what the guest writes, which costs nothing: the file is
/// sparse.
struct CopyInImage: Sendable {
    /// An absolute path.
    let directory: String

    private static let blockSize: Int64 = 4096
    /// Room for the guest, beside a quarter of what there is.
    private static let spareBytes: Int64 = 256 << 20

    /// What a directory holds.
    private struct Survey {
        /// Of all files and directories, in whole blocks.
        var bytes: Int64 = 0
        var files: Int64 = 1
        var top: FileStatus
    }

    /// Makes the image, in place when it is complete.
    ///
    /// - Throws: `INVALID_FILE` that names what is missing, cannot be read, or is no file; `PROGRAM_NOT_FOUND`, `PROGRAM_FAILED`, `NO_SPACE`.
    func make(at path: String) async throws {
        let survey = try await BlockingWork.run { try lookThrough() }
        let temporary = "\(path).new"
        try? FileTree.remove(temporary)
        let size = survey.bytes + survey.bytes / 4 + survey.files * 512 + Self.spareBytes
        let inodes = survey.files + survey.files / 4 + size / 16384
        do {
            try await Tool.mke2fs.run([
                "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-N", "\(inodes)", "-E",
                "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=\(survey.top.owner):\(survey.top.group)",
                "-d", directory, temporary, "\(size >> 10)k",
            ])
            // The top is as the directory is, and has nothing of the file system's own in it.
            try await Tool.debugfs.run(
                ["-w", "-f", "-", temporary],
                input: "rmdir lost+found\nsif / mode 0\(String(0o40000 | survey.top.mode & 0o7777, radix: 8))\n")
            try File.move(temporary, to: path)
        } catch {
            try? FileTree.remove(temporary)
            throw error
        }
    }

    /// Looks at all of it, so that what cannot be copied is said by its name.
    private func lookThrough() throws(SmartVMError) -> Survey {
        var place: [UInt8] = []
        do throws(Errno) {
            let top = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
            var survey = Survey(top: try FileStatus(of: top))
            var pending: [[UInt8]] = [Array(".".utf8)]
            while let path = pending.popLast() {
                place = path
                let current = try top.openBeneath(path, O_RDONLY | O_DIRECTORY)
                survey.bytes += 2 * Self.blockSize
                for name in try current.names() {
                    place = path + [UInt8(ascii: "/")] + name
                    let status = try current.status(of: name)
                    survey.files += 1
                    // An entry of its directory.
                    survey.bytes += Int64(16 + 2 * name.count)
                    switch status.kind {
                    case .directory: pending.append(place)
                    case .file:
                        _ = try current.openBeneath(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
                        // Of a file with holes its data; some file systems compress those, too.
                        let bytes = min(status.size, 8 * status.allocated + Self.blockSize)
                        survey.bytes += (bytes + Self.blockSize - 1) / Self.blockSize * Self.blockSize
                    case .link: survey.bytes += Self.blockSize
                    case .other: throw .notSupported
                    }
                }
            }
            return survey
        } catch {
            throw failure(error, at: place)
        }
    }

    private func failure(_ error: Errno, at place: [UInt8]) -> SmartVMError {
        let below = String(decoding: place, as: UTF8.self)
        let path = below.hasPrefix("./") ? "\(directory)/\(below.dropFirst(2))" : directory
        return switch error {
        case .notSupported:
            SmartVMError(
                .invalidFile, "\(path) cannot be copied into the guest: it is a device, a pipe or a socket.",
                cure: "Move it out of \(directory).", underlying: error)
        case .noSuchFile where path == directory:
            SmartVMError(
                .invalidFile, "The directory \(path), which the guest is to get a copy of, is not there.",
                cure: "Make it, or make the VM without this --copy-in.", underlying: error)
        default:
            SmartVMError(
                .invalidFile, "\(path) cannot be copied into the guest: \(error).",
                cure: error == .permissionDenied ? "Run smartvm as somebody who can read it." : nil, underlying: error)
        }
    }
}
