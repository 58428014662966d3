internal import FirecrackerClient
internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// The supervisor's program, and how one is started: own session, nothing inherited but what it is given.
struct SupervisorProgram: Sendable {
    /// An absolute path.
    let path: String

    /// Finds it: `$SMARTVM_SUPERVISOR`, else beside the running executable, else in `../libexec/smartvm`, else on PATH.
    init(_ environment: HostEnvironment = .current) throws(SmartVMError) {
        guard let path = environment.companion("smartvm-supervisor", variable: "SMARTVM_SUPERVISOR") else {
            let place =
                environment.value("SMARTVM_SUPERVISOR").map { "at SMARTVM_SUPERVISOR=\($0)" } ?? "beside smartvm"
            throw SmartVMError(
                .supervisorFailed, "smartvm-supervisor is not \(place).",
                cure: environment.value("SMARTVM_SUPERVISOR") == nil
                    ? "swift build -c release --product smartvm-supervisor" : "unset SMARTVM_SUPERVISOR")
        }
        self.path = path
    }

    /// The standard streams and the report come before.
    static let firstInherited = 4

    /// A supervisor that waits for leave to run, and where it will say how the start went.
    struct Waiting: ~Copyable {
        let gated: Spawn.Gated
        let identity: ProcessIdentity
        let report: Descriptor
    }

    /// Makes the process, which runs nothing yet.
    ///
    /// - Parameter inherited: Descriptors of locks that are to be held for as long as it lives, and of sockets; they get the numbers from
    ///   ``firstInherited``.
    func spawn(plan: String, log: String, inherited: [Int32]) throws(SmartVMError) -> Waiting {
        do throws(Errno) {
            let report = try Pipe()
            let input = try Descriptor.open("/dev/null", O_RDONLY)
            let output = try Descriptor.open(log, O_WRONLY | O_CREAT | O_TRUNC)
            var spawn = Spawn(path, arguments: ["smartvm-supervisor", plan])
            spawn.workingDirectory = "/"
            spawn.descriptors = [input.rawValue, output.rawValue, output.rawValue, report.write.rawValue] + inherited
            spawn.newSession = true
            spawn.environment = FaultPoint.environment
            let gated: Spawn.Gated
            do throws(Spawn.Failure) { gated = try spawn.startGated() } catch { throw error.errno }
            let identity: ProcessIdentity
            do throws(Errno) {
                identity = try ProcessIdentity(of: gated.child.pid)
            } catch {
                gated.child.kill(SIGKILL)
                _ = try? gated.child.waitUntilExit()
                throw error
            }
            return Waiting(gated: gated, identity: identity, report: report.read)
        } catch {
            throw SmartVMError(
                .supervisorFailed, "The supervisor \(path) cannot be started: \(error).", underlying: error)
        }
    }
}

/// The way to a running supervisor.
enum SupervisorControl {
    /// Asks it something. Blocks the thread.
    ///
    /// - Parameter limit: How long it may take until it answers, or until it listens.
    /// - Throws: `SUPERVISOR_FAILED` if it does not answer.
    static func ask(
        _ request: ControlRequest, at path: String, limit: Duration
    ) throws(SmartVMError) -> ControlAnswer {
        let deadline = Clock.deadline(afterMilliseconds: limit.inMilliseconds)
        do throws(Errno) {
            let socket = try connect(to: path, deadline: deadline)
            try socket.writeAll(request.json(showsNulls: false) + [0x0a])
            return try answer(from: socket, deadline: deadline)
        } catch {
            throw SmartVMError(
                .supervisorFailed, "The VM's supervisor does not answer at \(path): \(error).", underlying: error)
        }
    }

    /// It listens a few milliseconds after it was started.
    private static func connect(to path: String, deadline: UInt64) throws(Errno) -> Descriptor {
        while true {
            do throws(Errno) {
                return try UnixSocket.connect(to: path, nonBlocking: true)
            } catch {
                guard [.noSuchFile, .connectionRefused, .wouldBlock].contains(error),
                    Clock.monotonicNanoseconds < deadline
                else { throw error }
                usleep(5000)
            }
        }
    }

    private static func answer(from socket: borrowing Descriptor, deadline: UInt64) throws(Errno) -> ControlAnswer {
        var line: [UInt8] = []
        let number = socket.rawValue
        while true {
            let now = Clock.monotonicNanoseconds
            guard now < deadline else { throw .timedOut }
            var poll = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, Int32(clamping: (deadline - now) / 1_000_000 + 1)) > 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = try systemCall { buffer.withUnsafeMutableBytes { read(number, $0.baseAddress, $0.count) } }
            guard count > 0, line.count < ControlRequest.maximumLength else { throw .connectionReset }
            line += buffer[..<count]
            guard line.last == 0x0a else { continue }
            guard let answer = try? ControlAnswer(decoding: line, skipsUnknownFields: true) else { throw .inputOutput }
            return answer
        }
    }
}
