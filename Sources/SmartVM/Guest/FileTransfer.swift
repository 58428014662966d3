internal import FirecrackerClient
internal import Glibc
internal import GuestFiles
internal import GuestProtocol
internal import Linux
internal import Synchronization

/// One transfer of files between host and guest: a connection to the agent, and a thread of its own that waits for it and for disks.
///
/// A transfer may take hours: neither Swift's cooperative threads nor the few that do blocking work for others are for that. When the
/// task is cancelled the connection is shut down, at which the thread ends and the agent takes back what was half-written.
enum FileTransfer {
    /// Gives a connection to the agent's files to `body`, on a thread of its own.
    ///
    /// - Parameter vsockPath: The VMM's socket.
    /// - Throws: ``SmartVMError``, `CancellationError`.
    static func run<Result: Sendable>(
        vsockPath: String, vm: String,
        _ body: @escaping @Sendable (FileConnection) throws(TransferError) -> Result
    ) async throws -> Result {
        let line = CancellableSocket()
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            do {
                return try await withCheckedThrowingContinuation { continuation in
                    do throws(Errno) {
                        try Thread("smartvm-files") {
                            continuation.resume(with: outcome(vsockPath, line, body))
                        }.detach()
                    } catch {
                        continuation.resume(throwing: TransferError.connection(error))
                    }
                }
            } catch let error as TransferError {
                // The socket that a cancellation shuts down looks like one that the guest has closed.
                try Task.checkCancellation()
                throw error.transferFailure(vm: vm)
            }
        } onCancel: {
            line.shutDown()
        }
    }

    private static func outcome<Result>(
        _ vsockPath: String, _ line: CancellableSocket, _ body: (FileConnection) throws(TransferError) -> Result
    ) -> Swift.Result<Result, any Error> {
        do throws(TransferError) {
            let socket = try connect(vsockPath, line)
            defer { line.forget() }
            return .success(try body(FileConnection(socket)))
        } catch {
            return .failure(error)
        }
    }

    /// Connects to the agent as ``GuestSocket`` does.
    private static func connect(
        _ vsockPath: String, _ line: CancellableSocket
    ) throws(TransferError) -> Descriptor {
        do throws(Errno) {
            let socket = try UnixSocket.connect(to: vsockPath)
            guard line.holds(socket.rawValue) else { throw .interrupted }
            try socket.writeAll(Array("CONNECT \(VsockPort.files)\n".utf8))
            var answer: [UInt8] = []
            // Byte by byte: what follows the line is the agent's.
            while answer.last != UInt8(ascii: "\n"), answer.count < 64 {
                var byte: UInt8 = 0
                let count = try withUnsafeMutableBytes(of: &byte) { buffer in
                    Swift.Result<Int, Errno> { () throws(Errno) in try socket.read(into: buffer) }
                }.get()
                if count == 0 { break }
                answer.append(byte)
            }
            guard answer.starts(with: "OK ".utf8), answer.last == UInt8(ascii: "\n") else {
                throw .connectionRefused
            }
            return socket
        } catch {
            line.forget()
            throw .connection(error)
        }
    }
}

/// A socket that another thread may shut down as long as it is open.
private final class CancellableSocket: Sendable {
    private struct State {
        var socket: Int32?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// False: it has been cancelled before.
    func holds(_ socket: Int32) -> Bool {
        state.withLock { state in
            state.socket = socket
            return !state.isCancelled
        }
    }

    /// Comes before it is closed, after which the number may be another's.
    func forget() {
        state.withLock { $0.socket = nil }
    }

    func shutDown() {
        state.withLock { state in
            state.isCancelled = true
            if let socket = state.socket { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }
}
