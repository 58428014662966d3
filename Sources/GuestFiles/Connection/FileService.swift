internal import Glibc
internal import GuestProtocol
internal import Linux

/// The guest's side of one file connection, from the request to the end, on a thread that may wait.
public struct FileService {
    private let connection: FileConnection

    /// - Parameter connection: One on which the host has said nothing yet.
    public init(_ connection: FileConnection) {
        self.connection = connection
    }

    /// Serves the one request of the connection, and returns when it is of no use any more.
    public func serve() {
        // An end of the connection is nobody's loss but the host's, who has closed it or is gone.
        try? run()
    }

    private func run() throws(TransferError) {
        guard case .request(let request) = try connection.nextMessage() else { return }
        do throws(TransferError) {
            try connection.send(.finished(try carryOut(request)))
        } catch {
            if case .connection = error { throw error }
            try connection.send(error.failure)
            // Else the host's unread data would make the kernel take back what was just sent.
            _ = try connection.nextMessage()
        }
    }

    private func carryOut(_ request: FileRequest) throws(TransferError) -> FileSummary {
        switch request {
        case .read(let path): return try read(path)
        case .write(let path, let permissions): return try write(path, permissions)
        case .pack(let path):
            let summary = try TreePacker(connection).pack(path)
            try connection.flush()
            return summary
        case .unpack(let unpacking):
            let options = TreeUnpacker.Options(
                root: unpacking.root, keepsOwners: unpacking.keepsOwners, keepsSpecialModes: true)
            let summary = try TreeUnpacker(connection, to: unpacking.path, options).unpack()
            try expectEnd()
            return summary
        }
    }

    private func read(_ path: [UInt8]) throws(TransferError) -> FileSummary {
        var summary = FileSummary()
        // A pipe, or a device, would make the reader wait.
        let file = try attempt(path) { () throws(Errno) in
            try Descriptor.open(path: path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        }
        let kind = try attempt(path) { () throws(Errno) in try FileStatus(of: file).kind }
        if kind == .directory { throw .file(path: path, .isDirectory) }
        guard kind == .file else { throw .refused(path: path, reason: "is a device, a pipe or a socket") }
        while true {
            let room = try connection.room()
            // To the end and not by the size, which is 0 in /proc.
            let count = try attempt(path) { () throws(Errno) in try file.read(into: room) }
            if count == 0 { break }
            try connection.commit(count)
            summary.bytes += UInt64(count)
        }
        summary.files = 1
        return summary
    }

    private func write(_ path: [UInt8], _ permissions: UInt32) throws(TransferError) -> FileSummary {
        let target = CopyPath(path)
        guard !target.meansDirectory else { throw .file(path: path, .isDirectory) }
        // A link stays, and what it leads to is replaced.
        let place = try CopyDestination.place(of: target) ?? target
        let directory = try attempt(place.parent) { () throws(Errno) in
            try Descriptor.open(path: place.parent, O_DIRECTORY | O_RDONLY)
        }
        let temporary = TemporaryName.make()
        var summary = FileSummary()
        do throws(TransferError) {
            let file = try attempt(path) { () throws(Errno) in
                try directory.openBeneath(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
            }
            while true {
                let bytes = try connection.next(upTo: .max)
                if bytes.isEmpty { break }
                try attempt(path) { () throws(Errno) in try file.writeAll(bytes) }
                summary.bytes += UInt64(bytes.count)
            }
            try expectEnd()
            try attempt(path) { () throws(Errno) in
                try file.setMode(permissions & 0o7777)
                try directory.rename(temporary, to: place.name)
            }
        } catch {
            try? directory.unlink(temporary)
            throw error
        }
        summary.files = 1
        return summary
    }

    private func expectEnd() throws(TransferError) {
        let message = try connection.nextMessage()
        guard message == .dataEnd else { throw .garbage(.unexpectedFrame(type: message.frameType.rawValue)) }
    }
}
