internal import CLinux

extension ChildProcess {
    /// A descriptor of this process for what is `number` in that one, close-on-exec: pidfd_getfd(2).
    public func duplicate(_ number: Int32) throws(Errno) -> Descriptor {
        Descriptor(owning: try systemCall { clinux_pidfd_getfd(descriptor, number) })
    }
}
