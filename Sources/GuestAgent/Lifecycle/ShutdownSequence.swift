internal import Glibc
internal import GuestProtocol
internal import Linux
internal import Reactor

/// Ends the guest in good order: processes first, then file systems, then the machine.
final class ShutdownSequence: EventHandler {
    /// How long what SIGKILL does not end at once is waited for, in ms.
    private static let patience = 2000
    private static let step = 5

    private let loop: EventLoop
    private let kind: Shutdown
    private let grace: Int
    private let processes: ProcessTable
    private let finish: (Shutdown) -> Void
    private var waited = 0

    /// - Parameters:
    ///   - grace: How long processes have to end by themselves after SIGTERM, in ms.
    ///   - finish: Called once all processes are gone.
    init(
        _ kind: Shutdown, grace: Int, loop: EventLoop, processes: ProcessTable,
        finish: @escaping (Shutdown) -> Void
    ) {
        self.kind = kind
        self.grace = grace
        self.loop = loop
        self.processes = processes
        self.finish = finish
    }

    func start() {
        kill(-1, SIGTERM)
        // Shells ignore SIGTERM while someone types into them, but not that their terminal goes away. Who has none is not told so: what
        // handles SIGTERM would be ended by it.
        for pid in (try? FileTree.names(at: "/proc")) ?? [] {
            if let pid = Int32(pid), pid > 1, Self.hasTerminal(pid) { kill(pid, SIGHUP) }
        }
        kill(-1, SIGCONT)
        loop.schedule(milliseconds: 0, handler: self, source: 0)
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        // Orphans become children of the first process, so that without children there are no others.
        if !processes.reap() { return finish(kind) }
        if waited >= grace { kill(-1, SIGKILL) }
        if waited >= grace + Self.patience { return finish(kind) }
        waited += Self.step
        loop.schedule(milliseconds: Self.step, handler: self, source: 0)
    }

    /// Whether a process has a controlling terminal: field 7 of /proc/PID/stat, whose second may hold blanks and parentheses.
    private static func hasTerminal(_ pid: Int32) -> Bool {
        let stat = (try? File.readText("/proc/\(pid)/stat")) ?? ""
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        return fields.count > 5 && fields[5] != "0"
    }

    /// Flushes, makes what can be made so read-only, and resets the machine. Returns only if that fails.
    static func stopMachine(layer: borrowing Descriptor?) {
        Machine.sync()
        let mounts = (try? File.readText("/proc/self/mounts")) ?? ""
        for line in mounts.utf8.split(separator: UInt8(ascii: "\n")).reversed() {
            let fields = line.split(separator: UInt8(ascii: " "))
            guard fields.count > 2, fields[0].starts(with: "/dev/".utf8) else { continue }
            let path = String(Substring(fields[1]))
            if path == "/" {
                remountReadOnly("/")
            } else {
                try? Mount.unmount(path, lazily: true)
            }
        }
        switch layer {
        case .some(let layer):
            remountReadOnly("/")
            remountReadOnly("/proc/self/fd/\(layer.rawValue)")
        case .none: break
        }
        Machine.sync()
        // With `reboot=k` on its command line the kernel ends the machine by this; a microVM has nothing to power it off with.
        try? Machine.reset()
        Console.say("the machine cannot be reset; end it from outside")
    }

    private static func remountReadOnly(_ path: String) {
        try? Mount.mount("none", at: path, type: nil, [.remount, .readOnly])
    }
}
