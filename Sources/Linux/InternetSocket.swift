internal import CLinux
internal import Glibc

/// TCP and UDP sockets: tcp(7), udp(7). All are close-on-exec and never wait.
public enum InternetSocket {
    public enum Transport: Sendable {
        case tcp, udp
    }

    /// A UDP socket at an address. Port 0: one that the kernel chooses.
    public static func datagrams(at address: SocketAddress) throws(Errno) -> Descriptor {
        let socket = try make(.udp, address)
        let value = socket.rawValue
        try keepToFamily(address, of: value)
        try systemCall { address.with { bind(value, $0, $1) } }
        return socket
    }

    /// A TCP socket that listens at an address, also while connections of an earlier one are still ending there.
    public static func listen(at address: SocketAddress, backlog: Int32 = 128) throws(Errno) -> Descriptor {
        let socket = try make(.tcp, address)
        let value = socket.rawValue
        try setOption(SOL_SOCKET, SO_REUSEADDR, 1, of: value)
        try keepToFamily(address, of: value)
        try systemCall { address.with { bind(value, $0, $1) } }
        try systemCall { Glibc.listen(value, backlog) }
        return socket
    }

    /// Begins to connect. A UDP socket is connected at once: it has a port that the kernel has drawn, and hears nobody but the peer. A TCP
    /// socket is writable when it has been decided; then ask ``takeError(of:)``.
    public static func startConnecting(_ transport: Transport, to address: SocketAddress) throws(Errno) -> Descriptor {
        let socket = try make(transport, address)
        let value = socket.rawValue
        do throws(Errno) {
            try systemCall { address.with { connect(value, $0, $1) } }
        } catch {
            if error != .inProgress { throw error }
        }
        return socket
    }

    /// Why a socket failed (SO_ERROR), or nil; the kernel then forgets it.
    public static func takeError(of socket: Int32) -> Errno? {
        VsockSocket.connectionError(of: socket)
    }

    /// The end of a socket that is here.
    public static func localAddress(of socket: Int32) -> SocketAddress? {
        name { getsockname(socket, $0, $1) }
    }

    /// The other end of a connected socket.
    public static func peer(of socket: Int32) -> SocketAddress? {
        name { getpeername(socket, $0, $1) }
    }

    // MARK: Datagrams

    /// The next datagram, cut to the buffer's size, and its sender.
    public static func receive(
        from socket: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> (count: Int, sender: SocketAddress?) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = try systemCall {
            withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(socket, buffer.baseAddress, buffer.count, 0, $0, &length)
                }
            }
        }
        return (count, SocketAddress(storage))
    }

    /// Sends a datagram.
    public static func send(_ bytes: UnsafeRawBufferPointer, to address: SocketAddress, from socket: Int32)
        throws(Errno)
    {
        try systemCall { address.with { sendto(socket, bytes.baseAddress, bytes.count, 0, $0, $1) } }
    }

    /// Sends a datagram.
    public static func send(_ bytes: [UInt8], to address: SocketAddress, from socket: Int32) throws(Errno) {
        try systemCall {
            bytes.withUnsafeBytes { bytes in
                address.with { sendto(socket, bytes.baseAddress, bytes.count, 0, $0, $1) }
            }
        }
    }

    // MARK: Streams

    /// What can be read of a stream, which stays there to be read: nothing at its end.
    public static func peek(_ socket: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try systemCall { recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_PEEK)) }
    }

    /// Throws away so many bytes of those that can be read of a TCP stream.
    public static func discard(_ count: Int, of socket: Int32) throws(Errno) {
        try systemCall { recv(socket, nil, count, Int32(MSG_TRUNC)) }
    }

    /// Says that nothing more will be sent; what the other end sends can still be read.
    public static func endSending(_ socket: Int32) {
        shutdown(socket, Int32(SHUT_WR))
    }

    /// Sends what is written at once, and finds out in hours if the other machine has gone.
    public static func prepareRelay(_ socket: Int32) {
        try? setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1, of: socket)
        try? setOption(SOL_SOCKET, SO_KEEPALIVE, 1, of: socket)
    }

    /// The other end is told, when the socket is closed, that the connection has failed: RST in place of FIN.
    public static func failOnClose(_ socket: Int32) {
        var setting = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &setting, socklen_t(MemoryLayout<linger>.size))
    }

    private static func make(_ transport: Transport, _ address: SocketAddress) throws(Errno) -> Descriptor {
        let type = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
        let kind = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let family = address.family
        return Descriptor(owning: try systemCall { socket(family, kind, 0) })
    }

    /// What is bound to :: does not have the IPv4 addresses too.
    private static func keepToFamily(_ address: SocketAddress, of socket: Int32) throws(Errno) {
        if address.family == AF_INET6 { try setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1, of: socket) }
    }

    private static func setOption(_ level: Int32, _ option: Int32, _ value: Int32, of socket: Int32) throws(Errno) {
        var value = value
        try systemCall { setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }

    private static func name(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
        return result == 0 ? SocketAddress(storage) : nil
    }
}
