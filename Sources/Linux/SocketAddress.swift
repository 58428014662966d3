internal import CLinux
internal import Glibc

/// An IPv4 or IPv6 address with a port, as ip(7) and ipv6(7) have them.
public struct SocketAddress: Hashable, Sendable {
    /// 4 or 16 bytes in network order.
    public var address: [UInt8]
    public var port: UInt16
    /// The interface that a link-local IPv6 address belongs to; 0 for every other address.
    public var scope: UInt32

    public init(address: [UInt8], port: UInt16, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    /// An address of the family internet; nil if it is of another one.
    init?(_ storage: sockaddr_storage) {
        let family = Int32(storage.ss_family)
        let parts: (address: [UInt8], port: UInt16, scope: UInt32)? = withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let address = bytes.loadUnaligned(as: sockaddr_in.self)
                let value = address.sin_addr.s_addr
                return (withUnsafeBytes(of: value) { Array($0) }, UInt16(bigEndian: address.sin_port), 0)
            case AF_INET6:
                let address = bytes.loadUnaligned(as: sockaddr_in6.self)
                let value = address.sin6_addr
                return (
                    withUnsafeBytes(of: value) { Array($0) }, UInt16(bigEndian: address.sin6_port),
                    address.sin6_scope_id
                )
            default: return nil
            }
        }
        guard let parts else { return nil }
        self.init(address: parts.address, port: parts.port, scope: parts.scope)
    }

    var family: Int32 { address.count == 4 ? AF_INET : AF_INET6 }

    /// Calls `body` with the address as system calls take it; -1 and EINVAL if it is none.
    func with<Result: FixedWidthInteger & SignedInteger>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let size: Int
        switch address.count {
        case 4:
            var value = sockaddr_in()
            value.sin_family = sa_family_t(AF_INET)
            value.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &value.sin_addr) { $0.copyBytes(from: address) }
            size = MemoryLayout<sockaddr_in>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in.self) }
        case 16:
            var value = sockaddr_in6()
            value.sin6_family = sa_family_t(AF_INET6)
            value.sin6_port = port.bigEndian
            value.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &value.sin6_addr) { $0.copyBytes(from: address) }
            size = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in6.self) }
        default:
            errno = EINVAL
            return -1
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
        }
    }
}
