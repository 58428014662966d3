internal import CLinux
internal import Glibc

/// Stream sockets with a path in the file system: unix(7).
public enum UnixSocket {
    /// The longest path, in bytes, that `sockaddr_un` holds with its closing NUL.
    public static let maximumPathLength = 107

    /// Binds and listens. A path that exists is `addressInUse`; an empty one lets the kernel choose an abstract address.
    ///
    /// - Parameter mode: Permissions of the file, less the umask; nil: all that the umask leaves.
    public static func listen(
        at path: String, backlog: Int32 = 128, nonBlocking: Bool = true, mode: UInt32? = 0o600
    ) throws(Errno) -> Descriptor {
        let socket = try make(nonBlocking: nonBlocking)
        let value = socket.rawValue
        // The socket file takes the mode of the socket itself, less the umask.
        if let mode { try systemCall { fchmod(value, mode) } }
        try withAddress(path) { address, length throws(Errno) in
            try systemCall { bind(value, address, length) }
        }
        try systemCall { Glibc.listen(value, backlog) }
        return socket
    }

    /// Connects. With `nonBlocking` a full backlog is `wouldBlock`.
    public static func connect(to path: String, nonBlocking: Bool = false) throws(Errno) -> Descriptor {
        let socket = try make(nonBlocking: nonBlocking)
        let value = socket.rawValue
        try withAddress(path) { address, length throws(Errno) in
            try systemCall { Glibc.connect(value, address, length) }
        }
        return socket
    }

    /// The next connection of a listening socket of any family, close-on-exec.
    public static func accept(_ listener: Int32, nonBlocking: Bool = true) throws(Errno) -> Descriptor {
        let flags = nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0
        return Descriptor(owning: try systemCall { clinux_accept(listener, flags) })
    }

    private static func make(nonBlocking: Bool) throws(Errno) -> Descriptor {
        let kind =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            | (nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        return Descriptor(owning: try systemCall { socket(AF_UNIX, kind, 0) })
    }

    /// Calls `body` with the address; a path that does not fit is `nameTooLong`, one with a NUL `invalidArgument`.
    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Void
    ) throws(Errno) {
        let bytes = Array(path.utf8)
        guard bytes.count <= maximumPathLength else { throw .nameTooLong }
        guard !bytes.contains(0) else { throw .invalidArgument }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let size = bytes.isEmpty ? MemoryLayout<sa_family_t>.size : MemoryLayout<sockaddr_un>.size
        let length = socklen_t(size)
        let result: Result<Void, Errno> = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                do throws(Errno) {
                    return .success(try body(pointer, length))
                } catch {
                    return .failure(error)
                }
            }
        }
        try result.get()
    }
}

/// Passing descriptors over a Unix socket: SCM_RIGHTS of unix(7).
public enum DescriptorPassing {
    /// Sends `bytes` (at least one) together with copies of `descriptors` (at most 253).
    public static func send(_ bytes: [UInt8], descriptors: [Int32], over socket: Int32) throws(Errno) {
        if try sendSome(bytes, descriptors: descriptors, over: socket) != bytes.count { throw .inputOutput }
    }

    /// Sends what the socket takes of `bytes` (at least one), all `descriptors` with the first of them.
    ///
    /// - Returns: How many bytes it took.
    public static func sendSome(_ bytes: [UInt8], descriptors: [Int32], over socket: Int32) throws(Errno) -> Int {
        try systemCall {
            bytes.withUnsafeBytes {
                clinux_send_descriptors(socket, $0.baseAddress, $0.count, descriptors, descriptors.count)
            }
        }
    }

    /// One descriptor and the byte it came with; nil when the other end has closed.
    public static func receiveOne(from socket: Int32) throws(Errno) -> Descriptor? {
        var byte: UInt8 = 0
        var descriptor: Int32 = -1
        var count = 1
        let received = try systemCall {
            count = 1
            return clinux_receive_descriptors(socket, &byte, 1, &descriptor, &count)
        }
        return received > 0 && count == 1 ? Descriptor(owning: descriptor) : nil
    }
}
