internal import Linux

/// The thread that hands QEMU's ioctls to the devices, as long as this object lives or until QEMU has ended.
///
/// Theory of operation. QEMU's `vhost` devices leave the virtqueues to whoever is behind a descriptor of /dev/vhost-net or /dev/vhost-vsock,
/// and talk to it by ioctls. QEMU is given descriptors that do nothing, and a seccomp filter that makes every vhost ioctl on them wait
/// for this process (``SeccompNotification``). A process has one such filter at most with one listener, but the devices live on
/// several threads: this one only looks whose descriptor a call is about, and puts it into the ``VhostInbox`` of that thread. What an
/// ioctl says is decoded by ``VhostRequest``; the rings and buffers are reached through ``ProcessMemory``, their walk is ``VirtQueue``'s.
final class VhostDispatcher {
    private let loop: Loop
    private var thread: Linux.Thread?

    /// - Parameter inboxes: By QEMU's numbers of the descriptors.
    init(_ listener: SharedDescriptor, _ inboxes: [Int32: VhostInbox]) throws(Errno) {
        let loop = try Loop(listener, inboxes)
        self.loop = loop
        thread = try Linux.Thread("vhost") { loop.run() }
    }

    deinit {
        loop.stop.signal()
        if let thread = thread.take() { thread.join() }
    }

    private final class Loop: Sendable {
        let stop: EventCounter
        private let listener: SharedDescriptor
        private let inboxes: [Int32: VhostInbox]
        private let epoll: Epoll

        private enum Token: UInt64 {
            case calls, stop
        }

        init(_ listener: SharedDescriptor, _ inboxes: [Int32: VhostInbox]) throws(Errno) {
            self.listener = listener
            self.inboxes = inboxes
            stop = try EventCounter()
            epoll = try Epoll()
            try epoll.add(listener.descriptor.rawValue, .readable, token: Token.calls.rawValue)
            try epoll.add(stop.descriptor.rawValue, .readable, token: Token.stop.rawValue)
        }

        func run() {
            while (try? turn()) == true {}
            for inbox in inboxes.values { inbox.close() }
        }

        /// Whether there may be more.
        private func turn() throws(Errno) -> Bool {
            var events: [Epoll.Event] = []
            try epoll.wait { events.append($0) }
            for event in events {
                // No process is left that the filter applies to.
                if event.token == Token.stop.rawValue || event.events.contains(.hangUp) { return false }
                dispatch()
            }
            return true
        }

        private func dispatch() {
            let listener = listener.descriptor.rawValue
            // The caller may have gone, for example because it was killed.
            guard let call = try? SeccompNotification.receive(from: listener) else { return }
            if let inbox = inboxes[call.descriptor] {
                inbox.post(call)
            } else {
                try? call.answer(listener, error: .notATerminal)
            }
        }
    }
}
