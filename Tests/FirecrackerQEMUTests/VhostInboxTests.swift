import Glibc
import Linux
import Testing

@testable import FirecrackerQEMU

@Suite("The way of QEMU's ioctls to the devices")
struct VhostInboxTests {
    /// A shell that asks for the settings of its descriptors 3 and 4, one after the other.
    private func start() throws -> (child: ChildProcess, listener: SharedDescriptor) {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var spawn = Spawn("/bin/sh", arguments: ["sh", "-c", "test -t 3; a=$?; test -t 4; exit $((2 * a + $?))"])
        spawn.descriptors = [-1, -1, 2, null.rawValue, null.rawValue]
        spawn.notificationFilter = SeccompNotification.filter(ioctlOf: [3, 4], group: 0x54)
        var started = try spawn.start()
        let taken = started.takeListener()?.take()
        return (started.child, SharedDescriptor(Descriptor(owning: try #require(taken))))
    }

    private func waits(_ inbox: VhostInbox) -> Bool {
        var poll = pollfd(fd: inbox.wake.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 10_000) == 1
    }

    @Test("leads each to the inbox of its descriptor, and tells all of the end")
    func dispatch() throws {
        let (child, listener) = try start()
        let inboxes = [try VhostInbox(listener), try VhostInbox(listener)]
        let dispatcher = try VhostDispatcher(listener, [3: inboxes[0], 4: inboxes[1]])
        // What is no request of vhost's is refused, and the shell's test fails.
        for inbox in inboxes {
            try #require(waits(inbox))
            inbox.answerCalls(ProcessMemory(pid: child.pid)) { (_, _) throws(Errno) in nil }
        }
        #expect(try child.waitUntilExit() == .exited(3))
        for inbox in inboxes {
            try #require(waits(inbox))
            #expect(inbox.isClosed)
        }
        withExtendedLifetime(dispatcher) {}
    }

    @Test("fails what waits when its inbox is closed, what comes after, and what has none")
    func close() throws {
        let (child, listener) = try start()
        let inbox = try VhostInbox(listener)
        let dispatcher = try VhostDispatcher(listener, [3: inbox])
        try #require(waits(inbox))
        inbox.close()
        #expect(try child.waitUntilExit() == .exited(3))
        withExtendedLifetime(dispatcher) {}
    }
}
