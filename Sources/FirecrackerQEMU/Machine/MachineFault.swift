internal import Linux

/// Why a machine could not be made, started or changed.
public struct MachineFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The cause, in Firecracker's words wherever Firecracker has words for it. The text stands alone; the API puts its own prefix
    /// (`Start microvm error: …`) before it.
    public var description: String

    public init(_ description: String) {
        self.description = description
    }

    /// A failed system call: `<what>: <words of the C library> (os error <n>)`.
    init(_ what: String, _ errno: Errno) {
        self.init("\(what): \(errno) (os error \(errno.rawValue))")
    }
}
