internal import Glibc
internal import GuestFiles
internal import GuestProtocol
internal import Linux
internal import Reactor
internal import Synchronization

/// Accepts file connections, and serves each on a thread of its own.
///
/// Files are the one thing in the agent that waits, for disks and for hosts that do not read. The threads share nothing with the
/// loop but the count of those that have ended.
final class FileServer: EventHandler {
    private enum Source: UInt8 {
        case listener, ended
    }

    /// Transfers at a time; further connections wait in the listener's queue.
    static let maximumTransfers = 32
    private static let stackSize = 512 << 10

    /// What a transfer tells the loop when it is over.
    private final class Ended: Sendable {
        let count = Atomic<Int>(0)
        let counter: EventCounter

        init() throws(Errno) {
            counter = try EventCounter()
        }
    }

    private let listener: Descriptor
    private let loop: EventLoop
    private let ended: Ended
    private var registration: EventLoop.Registration?
    private var transfers = 0
    private var isOpen = false

    init(listener: consuming Descriptor, loop: EventLoop) throws(Errno) {
        self.listener = listener
        self.loop = loop
        ended = try Ended()
        _ = try loop.add(
            ended.counter.descriptor.rawValue, [.readable], handler: self, source: Source.ended.rawValue)
    }

    func open() {
        isOpen = true
        update()
    }

    func close() {
        isOpen = false
        update()
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .listener: accept()
        case .ended:
            ended.counter.drain()
            transfers -= ended.count.exchange(0, ordering: .acquiringAndReleasing)
            update()
        case nil: break
        }
    }

    private func accept() {
        do throws(Errno) {
            let connection = try UnixSocket.accept(listener.rawValue, nonBlocking: false)
            // A process of the guest itself could connect too, where the kernel has a vsock loopback: it would be root.
            guard try VsockSocket.peerContextID(of: connection.rawValue) == VsockSocket.hostContextID else { return }
            let number = connection.take()
            do throws(Errno) {
                try Self.serve(number, ended)
            } catch {
                Glibc.close(number)
                throw error
            }
            transfers += 1
            update()
        } catch {
            if error != .wouldBlock { Console.say("a file transfer of the host was lost: \(error)") }
        }
    }

    private static func serve(_ connection: Int32, _ ended: Ended) throws(Errno) {
        try Thread("files", stackSize: stackSize) {
            FileService(FileConnection(Descriptor(owning: connection))).serve()
            ended.count.add(1, ordering: .acquiringAndReleasing)
            ended.counter.signal()
        }.detach()
    }

    private func update() {
        let wanted = isOpen && transfers < Self.maximumTransfers
        if wanted, registration == nil {
            do throws(Errno) {
                registration = try loop.add(
                    listener.rawValue, [.readable], handler: self, source: Source.listener.rawValue)
            } catch {
                Console.say("no files can be copied: \(error)")
            }
        } else if !wanted, let waiting = registration {
            loop.remove(waiting)
            registration = nil
        }
    }
}
