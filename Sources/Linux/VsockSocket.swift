internal import CLinux
internal import Glibc

/// Stream sockets between a guest and its host: vsock(7).
public enum VsockSocket {
    /// The address of the host, as a guest sees it.
    public static let hostContextID: UInt32 = 2

    /// Listens on `port` at every address of this machine.
    public static func listen(port: UInt32, backlog: Int32 = 128) throws(Errno) -> Descriptor {
        let socket = try make()
        try with(contextID: UInt32.max, port: port) { address, length in bind(socket.rawValue, address, length) }
        let value = socket.rawValue
        try systemCall { Glibc.listen(value, backlog) }
        return socket
    }

    /// Connects to a port of the host, or of any other context; blocks at most the kernel's 2 s.
    public static func connect(contextID: UInt32 = hostContextID, port: UInt32) throws(Errno) -> Descriptor {
        let socket = try make(nonBlocking: false)
        try with(contextID: contextID, port: port) { address, length in
            Glibc.connect(socket.rawValue, address, length)
        }
        return socket
    }

    /// Begins to connect, without waiting. The descriptor is writable when that has been decided; then ask ``connectionError(of:)``.
    public static func startConnecting(contextID: UInt32 = hostContextID, port: UInt32) throws(Errno) -> Descriptor {
        let socket = try make()
        do throws(Errno) {
            try with(contextID: contextID, port: port) { address, length in
                Glibc.connect(socket.rawValue, address, length)
            }
        } catch {
            if error != .inProgress { throw error }
        }
        return socket
    }

    /// Why a socket failed (SO_ERROR), or nil; the kernel then forgets it.
    public static func connectionError(of socket: Int32) -> Errno? {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return .current }
        return error == 0 ? nil : Errno(rawValue: error)
    }

    /// Which machine the other end of a connection is: ``hostContextID`` for the host.
    public static func peerContextID(of socket: Int32) throws(Errno) -> UInt32 {
        var context: UInt32 = 0
        try systemCall { clinux_vsock_peer(socket, &context) }
        return context
    }

    /// How many bytes the kernel keeps for this end before it stops the sender; a listener's connections inherit it.
    public static func setReceiveBuffer(_ bytes: UInt64, of socket: Int32) throws(Errno) {
        try systemCall { clinux_vsock_set_buffer(socket, bytes) }
    }

    private static func make(nonBlocking: Bool = true) throws(Errno) -> Descriptor {
        let kind =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            | (nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        return Descriptor(owning: try systemCall { socket(AF_VSOCK, kind, 0) })
    }

    private static func with(
        contextID: UInt32, port: UInt32, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(Errno) {
        var address = sockaddr_vm()
        address.svm_family = sa_family_t(AF_VSOCK)
        address.svm_port = port
        address.svm_cid = contextID
        try systemCall {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_vm>.size))
                }
            }
        }
    }
}
