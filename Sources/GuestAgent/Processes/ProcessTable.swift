internal import Linux
internal import Reactor

/// Whoever wants to know how a child ended.
protocol ChildObserver: AnyObject {
    func childEnded(_ ending: ChildProcess.Ending)
}

/// The children, and who waits for each.
///
/// The first process of a machine inherits every orphan and must reap them all, so it reaps whatever has ended on each SIGCHLD. Any
/// other process (a test) has children that are not the agent's, and reaps only those that it was told of.
final class ProcessTable {
    enum Scope {
        case everyChild, watchedChildren
    }

    private let scope: Scope
    private let loop: EventLoop
    private var observers: [(pid: Int32, observer: any ChildObserver)] = []

    init(_ scope: Scope, loop: EventLoop) {
        self.scope = scope
        self.loop = loop
    }

    /// Tells the observer, once, when the child has ended and was reaped.
    func watch(_ child: ChildProcess, _ observer: any ChildObserver) throws(Errno) {
        observers.append((child.pid, observer))
        if scope == .watchedChildren {
            let watch = ChildWatch(child: child, table: self)
            watch.registration = try loop.add(child.descriptor, [.readable], handler: watch, source: 0)
        }
    }

    /// Reaps what has ended, after SIGCHLD.
    ///
    /// - Returns: Whether there are children left.
    @discardableResult
    func reap() -> Bool {
        do throws(Errno) {
            while let (pid, ending) = try ChildProcess.reapAny() { report(pid, ending) }
            return true
        } catch {
            return false
        }
    }

    fileprivate func report(_ pid: Int32, _ ending: ChildProcess.Ending) {
        guard let index = observers.firstIndex(where: { $0.pid == pid }) else { return }
        observers.remove(at: index).observer.childEnded(ending)
    }

    fileprivate func ended(_ watch: ChildWatch) {
        if let registration = watch.registration { loop.remove(registration) }
        if let ending = try? watch.child.reap() { report(watch.child.pid, ending) }
    }
}

/// One child of a process that must not reap the others.
private final class ChildWatch: EventHandler {
    let child: ChildProcess
    private let table: ProcessTable
    var registration: EventLoop.Registration?

    init(child: ChildProcess, table: ProcessTable) {
        self.child = child
        self.table = table
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        table.ended(self)
    }
}
