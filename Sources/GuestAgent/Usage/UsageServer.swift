internal import GuestProtocol
internal import Linux
internal import Reactor

/// Tells the host what the guest uses: a connection is the question, one message the answer.
///
/// The answer is a few hundred bytes, which a new connection has room for: nothing waits here, and no connection is kept.
final class UsageServer: EventHandler {
    private let listener: Descriptor
    private let mounts: () -> [String]

    /// - Parameter mounts: Where file systems of the host's are.
    init(listener: consuming Descriptor, loop: EventLoop, mounts: @escaping () -> [String]) throws(Errno) {
        self.listener = listener
        self.mounts = mounts
        _ = try loop.add(self.listener.rawValue, [.readable], handler: self, source: 0)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        guard let connection = try? UnixSocket.accept(listener.rawValue),
            // A process of the guest itself could connect too, where the kernel has a vsock loopback.
            (try? VsockSocket.peerContextID(of: connection.rawValue)) == VsockSocket.hostContextID,
            let answer = try? KernelCounters.report(mounts: mounts()).encoded()
        else { return }
        try? connection.writeAll(answer)
    }
}
