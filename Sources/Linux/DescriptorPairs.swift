internal import CLinux
internal import Glibc

/// Two connected Unix stream sockets, close-on-exec.
@frozen
public struct SocketPair: ~Copyable, Sendable {
    public var first: Descriptor
    public var second: Descriptor

    public init() throws(Errno) {
        var pair: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        try systemCall {
            withUnsafeMutablePointer(to: &pair) {
                $0.withMemoryRebound(to: Int32.self, capacity: 2) { socketpair(AF_UNIX, kind, 0, $0) }
            }
        }
        first = Descriptor(owning: pair.0)
        second = Descriptor(owning: pair.1)
    }
}

/// A pipe, close-on-exec: what is written to `write` is read from `read`.
@frozen
public struct Pipe: ~Copyable, Sendable {
    public var read: Descriptor
    public var write: Descriptor

    public init() throws(Errno) {
        var ends: (Int32, Int32) = (-1, -1)
        try systemCall {
            withUnsafeMutablePointer(to: &ends) {
                $0.withMemoryRebound(to: Int32.self, capacity: 2) { clinux_pipe($0) }
            }
        }
        read = Descriptor(owning: ends.0)
        write = Descriptor(owning: ends.1)
    }
}

extension Pipe {
    /// How much a pipe holds before its writer waits, in bytes; the kernel rounds it up. Its default is 64 KiB.
    public static func setCapacity(_ bytes: Int32, of end: Int32) throws(Errno) {
        try systemCall { clinux_set_pipe_size(end, bytes) }
    }

    /// The bytes that can be read from a pipe or a terminal now.
    public static func available(in end: Int32) -> Int {
        var count: Int32 = 0
        let result = withUnsafeMutablePointer(to: &count) { clinux_ioctl(end, UInt(FIONREAD), UInt(bitPattern: $0)) }
        return result < 0 ? 0 : Int(count)
    }
}

/// A new pseudo-terminal: what is written to one end is read from the other.
@frozen
public struct PseudoTerminal: ~Copyable, Sendable {
    /// The end of the program that plays the terminal.
    public var controller: Descriptor
    /// The end that is a terminal to the program that runs in it.
    public var terminal: Descriptor

    public init(_ size: Terminal.Size? = nil) throws(Errno) {
        let controller = try Descriptor.open("/dev/ptmx", O_RDWR | O_NOCTTY)
        let value = controller.rawValue
        var unlock: Int32 = 0
        try systemCall {
            withUnsafeMutablePointer(to: &unlock) { clinux_ioctl(value, CLINUX_TIOCSPTLCK, UInt(bitPattern: $0)) }
        }
        // By descriptor, so that it does not matter where devpts is mounted.
        let flags = UInt(O_RDWR | O_NOCTTY | O_CLOEXEC)
        let terminal = Descriptor(owning: try systemCall { clinux_ioctl(value, CLINUX_TIOCGPTPEER, flags) })
        if let size { try Terminal.setSize(size, of: value) }
        self.controller = controller
        self.terminal = terminal
    }
}
