internal import Glibc
public import Linux

/// What the configuration needs of the machine that it is made on; tests put another in its place.
public protocol Host: Sendable {
    /// Opens a file to read, or to read and write, close-on-exec.
    func openFile(_ path: String, writable: Bool) throws(Errno) -> SharedDescriptor
    func openTap(_ name: String) throws(Errno) -> SharedDescriptor
    /// Binds and listens, with whatever mode the umask leaves.
    func listenOnSocket(_ path: String) throws(Errno) -> SharedDescriptor
    func connectToSocket(_ path: String) throws(Errno) -> SharedDescriptor
    func removeFile(_ path: String) throws(Errno)
}

/// The machine that this process runs on.
public struct LocalHost: Host {
    public init() {}

    public func openFile(_ path: String, writable: Bool) throws(Errno) -> SharedDescriptor {
        // Without waiting: a FIFO that nobody writes to must not hold up the API.
        SharedDescriptor(try Descriptor.open(path, (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK))
    }

    public func openTap(_ name: String) throws(Errno) -> SharedDescriptor {
        SharedDescriptor(try TapDevice.open(name))
    }

    public func listenOnSocket(_ path: String) throws(Errno) -> SharedDescriptor {
        SharedDescriptor(try UnixSocket.listen(at: path, mode: nil))
    }

    public func connectToSocket(_ path: String) throws(Errno) -> SharedDescriptor {
        SharedDescriptor(try UnixSocket.connect(to: path, nonBlocking: true))
    }

    public func removeFile(_ path: String) throws(Errno) {
        try systemCall { unlink(path) }
    }
}
