internal import FirecrackerClient
internal import Glibc
internal import Linux

/// The process of a virtual machine monitor: any program that takes Firecracker's command line.
///
/// It leads a session of its own, so that no Ctrl-C of a terminal reaches it and all that it starts can be found. It is written down
/// in its VM's directory before it runs its first instruction.
final class VMMProcess: Sendable {
    /// What is run, and where.
    struct Command: Sendable {
        /// An absolute path.
        var executable: String
        /// Without argv[0].
        var arguments: [String]
        var workingDirectory: String
    }

    private let identity: ProcessIdentity
    private let child: ChildProcess
    private let ending: Task<ChildProcess.Ending, Never>

    /// Starts the command for the VM of `directory`. Blocks the thread until it has called exec.
    ///
    /// - Parameter console: Where its standard output and error go.
    init(
        _ command: Command, directory: RuntimeDirectory, console: borrowing Descriptor
    ) throws(SmartVMError) {
        do throws(Errno) {
            let input = try Descriptor.open("/dev/null", O_RDONLY)
            var spawn = Spawn(command.executable, arguments: [command.executable] + command.arguments)
            spawn.environment = ["PATH=\(EnvironmentVariable.value("PATH") ?? "/usr/local/bin:/usr/bin:/bin")"]
            spawn.workingDirectory = command.workingDirectory
            spawn.descriptors = [input.rawValue, console.rawValue, console.rawValue]
            spawn.newSession = true
            let gated: Spawn.Gated
            do throws(Spawn.Failure) { gated = try spawn.startGated() } catch { throw error.errno }
            let child = gated.child
            do throws(Errno) {
                identity = try ProcessIdentity(of: child.pid)
                try directory.writeDown(identity)
                ending = try Self.ending(of: child)
                do throws(Spawn.Failure) { try gated.release() } catch { throw error.errno }
            } catch {
                child.kill(SIGKILL)
                // It may have been reaped already: then there is nothing to wait for.
                _ = try? child.waitUntilExit()
                throw error
            }
            self.child = child
        } catch {
            throw SmartVMError(
                .vmmFailed, "The VMM \(command.executable) cannot be started: \(error).",
                cure: "Run `smartvm doctor` to see which VMM can be used here.", underlying: error)
        }
    }

    /// Reaps the child on a thread that waits for nothing else.
    private static func ending(of child: ChildProcess) throws(Errno) -> Task<ChildProcess.Ending, Never> {
        let (stream, continuation) = AsyncStream.makeStream(of: ChildProcess.Ending.self)
        try Thread("smartvm-reaper", stackSize: 64 << 10) {
            continuation.yield((try? child.waitUntilExit()) ?? .exited(-1))
            continuation.finish()
        }.detach()
        return Task {
            for await ending in stream { return ending }
            return .exited(-1)
        }
    }

    /// Whether it still runs; false also for one that has ended and is not reaped yet.
    var isRunning: Bool { child.isRunning }

    /// How it has ended, once it has.
    func ended() async -> ChildProcess.Ending {
        await ending.value
    }

    /// Waits for the process to end, or for this task to be cancelled.
    func waitUntilEnded() async throws -> ChildProcess.Ending {
        let (stream, continuation) = AsyncStream.makeStream(of: ChildProcess.Ending.self)
        let relay = Task { [ending] in
            continuation.yield(await ending.value)
            continuation.finish()
        }
        // The loop ends when this task is cancelled, which waiting for the other task's value would not.
        for await ending in stream { return ending }
        relay.cancel()
        throw CancellationError()
    }

    /// Waits for the process to end, for at most `limit`.
    ///
    /// - Returns: Whether it has ended.
    func waitUntilEnded(within limit: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await self.waitUntilEnded()) != nil }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Sends it a signal. Nothing happens once it has ended.
    func signal(_ number: Int32) {
        child.kill(number)
    }

    /// Ends it by force if it still runs, and whatever else is in its session. Returns when all of that is gone and it is reaped.
    func endSession() async {
        await BlockingWork.run { [identity] in ProcessSession.kill(leader: identity, grace: .zero) }
        _ = await ending.value
    }
}
