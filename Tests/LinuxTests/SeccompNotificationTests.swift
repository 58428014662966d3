import Glibc
import Linux
import Testing

@Suite("System calls of another process")
struct SeccompNotificationTests {
    @Test("wait to be answered: what is no terminal becomes one")
    func answered() throws {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        // The shell asks for the settings of descriptor 3 by an ioctl of the group of terminals, 0x54.
        var spawn = Spawn("/bin/sh", arguments: ["sh", "-c", "test -t 3"])
        spawn.descriptors = [-1, -1, 2, null.rawValue]
        spawn.notificationFilter = SeccompNotification.filter(ioctlOf: [3], group: 0x54)
        var started = try spawn.start()
        let taken = started.takeListener()?.take()
        let listener = try #require(taken)
        defer { close(listener) }
        let notification = try SeccompNotification.receive(from: listener)
        #expect(notification.arguments.0 == 3 && notification.arguments.1 & 0xff00 == 0x5400)
        #expect(notification.isValid(listener))
        try notification.answer(listener)
        #expect(!notification.isValid(listener))
        #expect(try started.child.waitUntilExit() == .exited(0))
    }

    @Test("can be refused; other descriptors and other groups pass")
    func refused() throws {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var spawn = Spawn("/bin/sh", arguments: ["sh", "-c", "test -t 4; test -t 3"])
        spawn.descriptors = [-1, -1, 2, null.rawValue, null.rawValue]
        spawn.notificationFilter = SeccompNotification.filter(ioctlOf: [3], group: 0x54)
        var started = try spawn.start()
        let taken = started.takeListener()?.take()
        let listener = try #require(taken)
        defer { close(listener) }
        try SeccompNotification.receive(from: listener).answer(listener, error: .permissionDenied)
        #expect(try started.child.waitUntilExit() == .exited(1))
    }

    @Test(
        "of several descriptors are told apart, and some cannot be written to",
        arguments: [[3], [3, 4], [3, 4, 5, 6]])
    func several(descriptors: [Int32]) throws {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let next = try #require(descriptors.last) + 1
        let script = """
            for i in \(descriptors.map { "\($0)" }.joined(separator: " ")); do test -t $i || exit 10; done
            test -t \(next) && exit 20
            echo 2>&1 || exit 30
            """
        for unwritable in [[1], [0, 1, 9], [2], [0, 3]] as [[Int32]] {
            var spawn = Spawn("/bin/sh", arguments: ["sh", "-c", script])
            spawn.descriptors = [Int32](repeating: null.rawValue, count: Int(next) + 1)
            spawn.notificationFilter = SeccompNotification.filter(
                ioctlOf: descriptors, group: 0x54, skipping: [SeccompNotification.fallocate], unwritable: unwritable)
            var started = try spawn.start()
            let taken = started.takeListener()?.take()
            let listener = try #require(taken)
            defer { close(listener) }
            for descriptor in descriptors {
                let notification = try SeccompNotification.receive(from: listener)
                #expect(notification.descriptor == descriptor)
                try notification.answer(listener)
            }
            #expect(try started.child.waitUntilExit() == .exited(unwritable.contains(1) ? 30 : 0), "\(unwritable)")
        }
    }

    @Test("its memory is read and written, and what is not there is said to be")
    func memory() throws {
        let memory = ProcessMemory(pid: getpid())
        var bytes: [UInt8] = [1, 2, 3, 4]
        try bytes.withUnsafeMutableBytes { buffer in
            let address = UInt(bitPattern: buffer.baseAddress)
            #expect(try memory.read(3, at: address + 1) == [2, 3, 4])
            try memory.write([9, 8], at: address + 1)
        }
        #expect(bytes == [1, 9, 8, 4])
        #expect(throws: Errno.badAddress) { try memory.read(8, at: 16) }
        #expect(throws: Errno.badAddress) { try memory.write([1], at: 16) }
    }

    @Test("a descriptor of it becomes one of this process")
    func duplicate() throws {
        let pipe = try Pipe()
        var spawn = Spawn("/bin/sleep", arguments: ["sleep", "60"])
        spawn.descriptors = [-1, -1, 2, -1, -1, pipe.write.rawValue]
        let started = try spawn.start()
        let copy = try started.child.duplicate(5)
        try copy.writeAll([42])
        var bytes: [UInt8] = [0]
        _ = try bytes.withUnsafeMutableBytes { try pipe.read.read(into: $0) }
        #expect(bytes == [42])
        started.child.kill(SIGKILL)
        _ = try started.child.waitUntilExit()
        #expect(throws: Errno.self) { _ = try started.child.duplicate(5) }
    }

    @Test("a thread runs with all signals blocked and can be waited for")
    func thread() throws {
        let pipe = try Pipe()
        let end = pipe.write.rawValue
        let thread = try Thread("test") {
            var set = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &set)
            let byte: [UInt8] = [sigismember(&set, SIGTERM) == 1 ? 1 : 0]
            _ = byte.withUnsafeBytes { write(end, $0.baseAddress, 1) }
        }
        thread.join()
        var bytes: [UInt8] = [9]
        _ = try bytes.withUnsafeMutableBytes { try pipe.read.read(into: $0) }
        #expect(bytes == [1])
    }
}
