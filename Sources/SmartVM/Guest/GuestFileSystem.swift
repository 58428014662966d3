internal import FirecrackerClient
internal import GuestFiles
internal import GuestProtocol
internal import Linux

/// Files of a guest, through its agent, which serves them as root: what ``MicroVM`` and ``Sandbox`` have in common.
///
/// Paths in the guest are absolute, or relative to `/`. All of these throw ``SmartVMError``: `INVALID_STATE` unless the VM runs,
/// `FILE_TRANSFER_FAILED` with a ``FileTransferFailure`` that names the file and the error, `GUEST_UNREACHABLE`, `GUEST_PROTOCOL`; and
/// `CancellationError` when their task is cancelled, after which no half-written file is left under its name.
public protocol GuestFileSystem: Sendable {
    /// The way to the files of the guest as it runs now.
    ///
    /// - Throws: `INVALID_STATE` unless it runs.
    var fileChannel: GuestFileChannel { get async throws }
}

/// The way to the files of a guest that runs.
public struct GuestFileChannel: Sendable {
    let vsockPath: String
    let vm: String
}

/// Told how many bytes of an archive a copy has moved so far, a few thousand times for each gigabyte, on a thread that may wait.
public typealias FileCopyProgress = @Sendable (Int) -> Void

extension GuestFileSystem {
    /// The contents of a regular file of the guest, one in `/proc` or `/sys` included. Links are followed.
    ///
    /// - Parameters:
    ///   - path: The file in the guest.
    ///   - limit: A longer file is an error, with errno 27 (`EFBIG`). Default: 64 MiB.
    public func readFile(_ path: String, limit: Int = 64 << 20) async throws -> [UInt8] {
        let path = try GuestPath.inGuest(path)
        return try await transfer { (connection) throws(TransferError) in
            try connection.send(.request(.read(path: path)))
            var bytes: [UInt8] = []
            while true {
                let piece = try connection.next(upTo: .max)
                if piece.isEmpty { break }
                guard piece.count <= limit - bytes.count else {
                    throw .peer(
                        FileFailure(
                            path: String(decoding: path, as: UTF8.self), errno: Errno.fileTooLarge.rawValue,
                            reason: "has more than \(limit) bytes"))
                }
                bytes.append(contentsOf: piece)
            }
            _ = try connection.receiveSummary()
            return bytes
        }
    }

    /// Writes a regular file in the guest, in the place of one that is there: whoever reads it sees the old one or the new one. Its
    /// directory must exist. The file is root's. A link stays, and what it leads to is replaced.
    ///
    /// - Parameters:
    ///   - path: The file in the guest.
    ///   - bytes: All that is in it afterwards.
    ///   - permissions: The lower twelve bits of its mode. Default: 0644.
    public func writeFile(_ path: String, _ bytes: [UInt8], permissions: UInt32 = 0o644) async throws {
        let path = try GuestPath.inGuest(path)
        guard permissions <= 0o7777 else {
            throw SmartVMError(
                .invalidConfiguration, "0\(String(permissions, radix: 8)) are no permissions.",
                cure: "Give at most 07777.")
        }
        try await transfer { (connection) throws(TransferError) in
            try connection.send(.request(.write(path: path, permissions: permissions)))
            try connection.sendData(bytes)
            try connection.send(.dataEnd)
            _ = try connection.receiveSummary()
        }
    }

    /// Copies a file, or a directory with all that is in it, from the host into the guest.
    ///
    /// Modes, modification times, symbolic links, hard links and holes are kept. Where the copy goes follows cp(1) and `docker cp`: into
    /// `guestPath` if that is a directory, else it becomes `guestPath`, whose directory must exist; a source that ends with `/.` is
    /// what is in the directory. Nothing is written through symbolic links below `guestPath`.
    @discardableResult
    public func copyIn(
        from hostPath: String, to guestPath: String, options: FileCopyOptions = .init(),
        progress: FileCopyProgress? = nil
    ) async throws -> FileCopySummary {
        let source = try GuestPath.checked(hostPath)
        let unpacking = FileRequest.Unpacking(
            path: try GuestPath.inGuest(guestPath), root: CopyPath(source).name, keepsOwners: options.keepsOwners)
        return try await transfer(progress) { (connection) throws(TransferError) in
            // What cannot be read is said before the guest makes anything.
            try TreePacker.check(source)
            try connection.send(.request(.unpack(unpacking)))
            let packed = try TreePacker(connection).pack(source)
            try connection.send(.dataEnd)
            var summary = try connection.receiveSummary()
            summary.addSkipped(of: packed)
            return FileCopySummary(summary)
        }
    }

    /// Copies a file, or a directory with all that is in it, from the guest to the host, by the same rules as
    /// ``copyIn(from:to:options:progress:)``.
    ///
    /// The guest may be hostile: whatever it sends, nothing is written outside of `hostPath` and no special file is made. Symbolic
    /// links are copied as they are: where they lead is the guest's choice, so look before you follow one.
    @discardableResult
    public func copyOut(
        from guestPath: String, to hostPath: String, options: FileCopyOptions = .init(),
        progress: FileCopyProgress? = nil
    ) async throws -> FileCopySummary {
        let source = try GuestPath.inGuest(guestPath)
        let destination = try GuestPath.checked(hostPath)
        var unpacking = TreeUnpacker.Options(
            root: CopyPath(source).name, keepsOwners: options.keepsOwners,
            keepsSpecialModes: options.keepsSpecialModes)
        unpacking.maximumEntries = options.maximumEntries
        unpacking.maximumBytes = options.maximumBytes.map { Int64($0) } ?? .max
        let rules = unpacking
        return try await transfer(progress) { (connection) throws(TransferError) in
            try connection.send(.request(.pack(path: source)))
            var summary = try TreeUnpacker(connection, to: destination, rules).unpack()
            summary.addSkipped(of: try connection.receiveSummary())
            return FileCopySummary(summary)
        }
    }

    /// Unpacks a tar archive in a directory of the guest, which must exist.
    ///
    /// - Parameters:
    ///   - guestPath: The directory.
    ///   - options: What is kept of owners and modes.
    ///   - descriptor: Where the archive is read from, to its end; it stays the caller's, and blocks. Formats: ustar, pax, GNU's with long
    ///     names; sparse files as GNU tar's `--format=posix` has them; not compressed.
    ///   - progress: Told how far it has come. Default: nobody is.
    @discardableResult
    public func unpack(
        archive descriptor: Int32, in guestPath: String, options: FileCopyOptions = .init(),
        progress: FileCopyProgress? = nil
    ) async throws -> FileCopySummary {
        let unpacking = FileRequest.Unpacking(
            path: try GuestPath.inGuest(guestPath), root: nil, keepsOwners: options.keepsOwners)
        return try await transfer(progress) { (connection) throws(TransferError) in
            try connection.send(.request(.unpack(unpacking)))
            try connection.sendAll(from: descriptor)
            try connection.send(.dataEnd)
            return FileCopySummary(try connection.receiveSummary())
        }
    }

    /// Writes a file or directory of the guest, with all that is in it, as a tar archive (pax).
    ///
    /// - Parameters:
    ///   - guestPath: The file or directory.
    ///   - descriptor: Where the archive is written to; it stays the caller's, and blocks. Names in the archive are the guest's
    ///     choice: unpack it as you would one from a stranger.
    ///   - progress: Told how far it has come. Default: nobody is.
    @discardableResult
    public func pack(
        _ guestPath: String, archive descriptor: Int32, progress: FileCopyProgress? = nil
    ) async throws -> FileCopySummary {
        let source = try GuestPath.inGuest(guestPath)
        return try await transfer(progress) { (connection) throws(TransferError) in
            try connection.send(.request(.pack(path: source)))
            try connection.receiveAll(to: descriptor)
            return FileCopySummary(try connection.receiveSummary())
        }
    }

    private func transfer<Result: Sendable>(
        _ progress: FileCopyProgress? = nil,
        _ body: @escaping @Sendable (FileConnection) throws(TransferError) -> Result
    ) async throws -> Result {
        let channel = try await fileChannel
        return try await FileTransfer.run(vsockPath: channel.vsockPath, vm: channel.vm) {
            (connection) throws(TransferError) in
            connection.progress = progress
            return try body(connection)
        }
    }
}

/// Paths as a caller gives them.
private enum GuestPath {
    static func inGuest(_ path: String) throws(SmartVMError) -> [UInt8] {
        let bytes = try checked(path)
        return bytes.first == UInt8(ascii: "/") ? bytes : [UInt8(ascii: "/")] + bytes
    }

    static func checked(_ path: String) throws(SmartVMError) -> [UInt8] {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SmartVMError(
                .invalidConfiguration, path.isEmpty ? "A path is empty." : "A path holds a NUL character.",
                cure: "Name the file.")
        }
        return Array(path.utf8)
    }
}

extension FileCopySummary {
    init(_ summary: FileSummary) {
        files = Int(clamping: summary.files)
        directories = Int(clamping: summary.directories)
        symbolicLinks = Int(clamping: summary.symbolicLinks)
        bytes = Int(clamping: summary.bytes)
        skippedCount = Int(clamping: summary.skippedCount)
        skipped = summary.skipped
    }
}
