internal import CLinux
internal import Glibc

/// A conversation with the kernel's network configuration: netlink(7).
///
/// One question at a time: each is answered before the next is asked, by the thread that asks. The kernel answers at once.
public struct NetlinkSocket: ~Copyable, Sendable {
    /// What the conversation is about.
    public enum Subject: Sendable {
        /// Interfaces, addresses and routes: rtnetlink(7).
        case route
        /// The firewall: nf_tables.
        case netfilter
    }

    private let descriptor: Descriptor
    /// Answers bear the number of their question, so none is taken for that of an earlier one.
    var nextSequence: UInt32 = 1

    public init(_ subject: Subject = .route) throws(Errno) {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let family = subject == .route ? NETLINK_ROUTE : NETLINK_NETFILTER
        descriptor = Descriptor(owning: try systemCall { socket(AF_NETLINK, kind, family) })
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

    /// Sends a request and waits until the kernel has done it.
    ///
    /// - Returns: What it answered beside that.
    /// - Throws: What the kernel refuses it with.
    @discardableResult
    public mutating func request(_ message: NetlinkMessage) throws(Errno) -> [NetlinkMessage] {
        try converse(message, flags: NetlinkMessage.Flag.request | NetlinkMessage.Flag.acknowledge)
    }

    /// Asks for everything of a kind.
    public mutating func dump(_ message: NetlinkMessage) throws(Errno) -> [NetlinkMessage] {
        try converse(message, flags: NetlinkMessage.Flag.request | NetlinkMessage.Flag.dump)
    }

    private mutating func converse(_ message: NetlinkMessage, flags: UInt16) throws(Errno) -> [NetlinkMessage] {
        let sequence = nextSequence
        nextSequence += 1
        var message = message
        message.flags |= flags
        message.sequence = sequence
        try send(message.bytes)
        var replies: [NetlinkMessage] = []
        while true {
            for reply in NetlinkMessage.messages(in: try receive()) where reply.sequence == sequence {
                switch reply.kind {
                case NetlinkMessage.Kind.done: return replies
                case NetlinkMessage.Kind.error:
                    let code: Int32 = NetlinkMessage.integer(reply.payload, at: 0) ?? 0
                    if code == 0 { return replies }
                    throw Errno(rawValue: -code)
                default: replies.append(reply)
                }
            }
        }
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
