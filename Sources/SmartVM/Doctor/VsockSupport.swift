internal import Glibc
internal import Linux

/// Whether smartvm-qemu's vsock and network devices can work: they answer QEMU's ioctls on a child process's behalf, and read and write
/// the memory of that child. Tried on a child that does nothing, since no list of versions says what a container's rules forbid.
enum VsockSupport {
    /// What could not be done, and the error.
    struct Obstacle: Error, Hashable, Sendable {
        var step: String
        var error: Errno

        init(_ step: String, _ error: Errno) {
            self.step = step
            self.error = error
        }
    }

    /// Blocks the thread for a few milliseconds.
    static func probe() throws(Obstacle) {
        let pipe = try attempt("pipe2") { () throws(Errno) in try Pipe() }
        let null = try attempt("/dev/null") { () throws(Errno) in try Descriptor.open("/dev/null", O_RDWR) }
        // It reads from a pipe that nobody writes to, for as long as this process holds the other end.
        var spawn = Spawn("/bin/cat", arguments: ["cat"])
        spawn.descriptors = [pipe.read.rawValue, null.rawValue, null.rawValue]
        spawn.notificationFilter = SeccompNotification.filter(ioctlOf: [1000], group: 0xaf)
        let child: ChildProcess
        do throws(Spawn.Failure) {
            child = try spawn.start().child
        } catch {
            throw Obstacle(error.stage == .seccomp ? "seccomp user notification" : "starting a process", error.errno)
        }
        defer {
            child.kill(SIGKILL)
            _ = try? child.waitUntilExit()
        }
        guard child.descriptor >= 0 else { throw Obstacle("pidfd_open", .notImplemented) }
        _ = try attempt("pidfd_getfd") { () throws(Errno) in try child.duplicate(0) }
        try attempt("process_vm_readv") { () throws(Errno) in try readMemory(of: child.pid) }
    }

    private static func attempt<Result: ~Copyable>(
        _ step: String, _ body: () throws(Errno) -> Result
    ) throws(Obstacle) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            throw Obstacle(step, error)
        }
    }

    private static func readMemory(of pid: Int32) throws(Errno) {
        let maps = try File.readText("/proc/\(pid)/maps")
        guard let start = UInt(maps.prefix { $0 != "-" }, radix: 16) else { throw .inputOutput }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = bytes.withUnsafeMutableBytes { buffer -> Result<Int, Errno> in
            let local = [MemorySpan(address: UInt(bitPattern: buffer.baseAddress), count: buffer.count)]
            let remote = [MemorySpan(address: start, count: buffer.count)]
            return local.withUnsafeBufferPointer { local in
                remote.withUnsafeBufferPointer { remote in
                    do throws(Errno) {
                        return .success(try ProcessMemory(pid: pid).read(into: local, from: remote))
                    } catch {
                        return .failure(error)
                    }
                }
            }
        }
        if try count.get() != 16 { throw .inputOutput }
    }
}
