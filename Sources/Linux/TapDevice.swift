internal import CLinux
internal import Glibc

/// Network devices whose frames a process reads and writes: the kernel's Documentation/networking/tuntap.rst.
public enum TapDevice {
    /// The longest name, in bytes.
    public static let maximumNameLength = 15

    /// Attaches to the TAP of that name, with a virtio-net header before each frame and no packet information. One that
    /// does not exist is made, and lasts as long as the descriptor; an empty name lets the kernel choose.
    ///
    /// - Throws: `busy` if another process holds it, `invalidArgument` if the name is that of another kind of device or
    ///   cannot be a name, `nameTooLong`, `notPermitted`.
    public static func open(_ name: String) throws(Errno) -> Descriptor {
        guard name.utf8.count <= maximumNameLength else { throw .nameTooLong }
        let tap = try Descriptor.open("/dev/net/tun", O_RDWR | O_NONBLOCK)
        let value = tap.rawValue
        try systemCall { clinux_tun_attach(value, name, Int16(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) }
        return tap
    }

    /// Makes a TAP of that name that stays until it is deleted, and holds no descriptor of it: a VMM that opens it finds it free.
    ///
    /// - Parameter owner: The user who may open it without being allowed to configure the network. Default: none.
    /// - Throws: `busy` if there is an interface of that name, `notPermitted`, `noSuchFile` without /dev/net/tun.
    public static func make(_ name: String, owner: UInt32? = nil) throws(Errno) {
        guard name.utf8.count <= maximumNameLength else { throw .nameTooLong }
        let tap = try Descriptor.open("/dev/net/tun", O_RDWR | O_NONBLOCK)
        let value = tap.rawValue
        let flags = Int32(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR) | IFF_TUN_EXCL
        try systemCall { clinux_tun_attach(value, name, Int16(truncatingIfNeeded: flags)) }
        if let owner { try systemCall { clinux_ioctl(value, CLINUX_TUNSETOWNER, UInt(owner)) } }
        try systemCall { clinux_ioctl(value, CLINUX_TUNSETPERSIST, 1) }
    }
}
