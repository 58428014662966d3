internal import Linux
internal import Synchronization

/// The thread on which a ``VsockDevice`` lives, as long as this object does or until QEMU ends.
final class VsockThread {
    private var thread: Linux.Thread?
    private let listener: Linux.Descriptor
    private let control: VsockControl
    /// Whether clients wait for ``admitClients()``.
    private(set) var holdsClients: Bool

    /// - Parameters:
    ///   - listener: The Unix socket of the host's clients, bound and listening; it is duplicated.
    ///   - path: Its path.
    ///   - inbox: Where QEMU's ioctls arrive.
    ///   - nextHostPort: The port of the next connection of the host; nil for the first that there is.
    ///   - holdsClients: Whether clients wait until ``admitClients()``.
    init(
        listener: Int32, path: String, process: ChildProcess, inbox: VhostInbox,
        nextHostPort: UInt32? = nil, holdsClients: Bool = false
    ) throws(Errno) {
        control = try VsockControl(
            nextHostPort: nextHostPort ?? VsockMuxer.firstHostPort, holdsClients: holdsClients)
        self.holdsClients = holdsClients
        self.listener = try Linux.Descriptor.duplicate(listener)
        try self.listener.setNonBlocking()
        // One for each connection, and some for everything else.
        ResourceLimit.raiseOpenFiles(to: 2 * VsockMuxer.maximumConnections)
        let configuration = VsockDevice.Configuration(
            process: process, inbox: inbox, listener: self.listener.rawValue, path: path, control: control)
        thread = try Linux.Thread("vsock") {
            // Without the device QEMU's calls fail, and QEMU says which.
            if let device = try? VsockDevice(configuration) { try? device.run() }
            inbox.close()
        }
    }

    deinit {
        control.order(.stop)
        if let thread = thread.take() { thread.join() }
    }

    /// The port of the host's next connection, to be kept in a snapshot.
    var nextHostPort: UInt32 { control.nextHostPort.load(ordering: .relaxed) }

    /// What has been counted since the last call, by the names of Firecracker's metrics.
    func takeCounts() -> [(group: String, name: String, value: UInt64)] { control.counters.takeCounts() }

    /// Lets clients in from now on, as soon as the guest has taken note that its connections of before are gone.
    func admitClients() {
        holdsClients = false
        control.order(.admitClients)
    }

    /// Ends all connections. The guest hears of it when it runs again.
    func dropConnections() {
        control.order(.dropConnections)
    }
}
