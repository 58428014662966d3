internal import Linux

/// The thread on which a ``VsockDevice`` lives, as long as this object does or until QEMU ends.
final class VsockThread {
    private var thread: Linux.Thread?
    private let stop: EventCounter
    private let listener: Linux.Descriptor

    /// - Parameters:
    ///   - listener: The Unix socket of the host's clients, bound and listening; it is duplicated.
    ///   - path: Its path.
    ///   - notifications: The listener of QEMU's seccomp filter, which the device closes.
    init(
        listener: Int32, path: String, process: ChildProcess, notifications: consuming Linux.Descriptor
    ) throws(Errno) {
        stop = try EventCounter()
        self.listener = try Linux.Descriptor.duplicate(listener)
        try self.listener.setNonBlocking()
        // One for each connection, and some for everything else.
        ResourceLimit.raiseOpenFiles(to: 2 * VsockMuxer.maximumConnections)
        let configuration = VsockDevice.Configuration(
            process: process, notifications: notifications.take(), listener: self.listener.rawValue, path: path,
            stop: stop.descriptor.rawValue)
        thread = try Linux.Thread("vsock") {
            // Without the device QEMU's calls fail, and QEMU says which.
            guard let device = try? VsockDevice(configuration) else { return }
            try? device.run()
        }
    }

    deinit {
        stop.signal()
        if let thread = thread.take() { thread.join() }
    }
}
