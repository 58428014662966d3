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
