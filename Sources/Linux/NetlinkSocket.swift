internal import CLinux
internal import Glibc

/// A conversation with the kernel's network configuration: rtnetlink(7). The messages themselves are the caller's.
public struct NetlinkSocket: ~Copyable, Sendable {
    private let descriptor: Descriptor

    public init() throws(Errno) {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = Descriptor(owning: try systemCall { socket(AF_NETLINK, kind, NETLINK_ROUTE) })
    }

    public borrowing func send(_ message: [UInt8]) throws(Errno) {
        let value = descriptor.rawValue
        try systemCall { message.withUnsafeBytes { Glibc.send(value, $0.baseAddress, $0.count, 0) } }
    }

    /// The next datagram, which holds one message or more. The kernel answers at once, so this does not wait long.
    public borrowing func receive() throws(Errno) -> [UInt8] {
        let value = descriptor.rawValue
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        let count = try systemCall { buffer.withUnsafeMutableBytes { recv(value, $0.baseAddress, $0.count, 0) } }
        buffer.removeSubrange(count...)
        return buffer
    }

    /// The flag of an interface that is in use: IFF_UP.
    public static let up = Int16(IFF_UP.rawValue)

    /// Adds flags (IFF_UP, …) to those of the interface of that name.
    public static func setFlags(_ flags: Int16, ofInterface name: String) throws(Errno) {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try systemCall { Glibc.socket(AF_INET, kind, 0) })
        let value = socket.rawValue
        try systemCall { clinux_interface_set_flags(value, name, flags) }
    }
}
