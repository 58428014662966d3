internal import GuestProtocol
internal import Linux
internal import Reactor

/// Accepts exec connections, once the guest has its identity.
///
/// The listener exists long before, so that a host that comes early waits in its queue instead of being refused.
final class ExecServer: EventHandler, ExecSessionOwner {
    /// Sessions at a time; further connections wait in the listener's queue.
    static let maximumSessions = 512
    /// Connections at a time whose request has not come: each may hold a message of 4 MiB.
    static let maximumPending = 32

    private let listener: Descriptor
    private let loop: EventLoop
    private let launcher: CommandLauncher
    private let processes: ProcessTable
    private var registration: EventLoop.Registration?
    private var sessions = 0
    private var pending = 0
    /// Whether connections are accepted as far as the limits allow.
    private(set) var isOpen = false

    init(listener: consuming Descriptor, loop: EventLoop, launcher: CommandLauncher, processes: ProcessTable) {
        self.listener = listener
        self.loop = loop
        self.launcher = launcher
        self.processes = processes
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
        do throws(Errno) {
            let connection = try UnixSocket.accept(listener.rawValue)
            // A process of the guest itself could connect too, where the kernel has a vsock loopback: it would be root.
            guard try VsockSocket.peerContextID(of: connection.rawValue) == VsockSocket.hostContextID else { return }
            sessions += 1
            pending += 1
            do throws(Errno) {
                _ = try ExecSession(connection, loop: loop, launcher: launcher, processes: processes, owner: self)
            } catch {
                sessions -= 1
                pending -= 1
                throw error
            }
            update()
        } catch {
            if error != .wouldBlock { Console.say("a connection of the host was lost: \(error)") }
        }
    }

    func requestArrived() {
        pending -= 1
        update()
    }

    func sessionEnded() {
        sessions -= 1
        update()
    }

    private func update() {
        let wanted = isOpen && sessions < Self.maximumSessions && pending < Self.maximumPending
        if wanted, registration == nil {
            do throws(Errno) {
                registration = try loop.add(listener.rawValue, [.readable], handler: self, source: 0)
            } catch {
                Console.say("no commands can be taken: \(error)")
            }
        } else if !wanted, let waiting = registration {
            loop.remove(waiting)
            registration = nil
        }
    }
}
