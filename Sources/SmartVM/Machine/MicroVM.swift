internal import Crypto
internal import FirecrackerAPI
internal import FirecrackerClient
internal import Glibc
internal import GuestProtocol
internal import Linux
internal import NIOPosix

/// One microVM: a VMM process, the guest in it, and what they hold on the host.
///
/// Theory of operation. ``start(bootTimeout:)`` makes a runtime directory, starts a VMM in it, configures the VM over the VMM's API
/// and waits until the agent in the guest has connected and taken its configuration. Whatever is made is noted here before the next
/// suspension, so that ``stop()`` can undo it from any state, and a failing or cancelled start does.
public actor MicroVM {
    /// Where a VM is in its life.
    public enum State: String, Sendable {
        case created, starting, running, paused, stopped, failed
    }

    /// Its name, unique among the VMs that run.
    public nonisolated let id: String
    public private(set) var state = State.created

    private let plan: BootPlan
    private let hostname: String
    private let vmm: VMM
    private let directories: RuntimeDirectories
    private let consoleHandler: (@Sendable ([UInt8]) -> Void)?

    private var directory: RuntimeDirectory?
    private var console: Console?
    private var process: VMMProcess?
    private var client: SocketClient?
    private var sessionTask: Task<Void, any Error>?
    private var vsockPath: String?
    /// How long the guest's kernel and agent took until the guest was ready, by the guest's own clock.
    public private(set) var guestBootTime: Duration?

    init(
        id: String, plan: BootPlan, hostname: String, vmm: VMM, directories: RuntimeDirectories,
        console: (@Sendable ([UInt8]) -> Void)?
    ) {
        self.id = id
        self.plan = plan
        self.hostname = hostname
        self.vmm = vmm
        self.directories = directories
        consoleHandler = console
    }

    /// Boots the guest and returns when its agent takes commands.
    ///
    /// - Parameter bootTimeout: How long the guest may take. Default: one minute.
    /// - Throws: ``SmartVMError``: `INVALID_STATE` unless it was just created, `NAME_IN_USE`, `API_ERROR` with the VMM's fault,
    ///   `VMM_FAILED`, `BOOT_FAILED` with the last lines of the guest's console. Nothing is left on the host then.
    public func start(bootTimeout: Duration = .seconds(60)) async throws {
        guard state == .created else {
            throw SmartVMError(.invalidState, "VM \(id) cannot be started: it is \(state.rawValue).")
        }
        state = .starting
        do {
            try await boot(timeout: bootTimeout)
            state = .running
        } catch {
            await tearDown()
            state = .failed
            throw error
        }
    }

    /// Ends the VM without asking the guest, and gives back all that it holds on the host. Returns when that has happened.
    public func stop() async {
        await tearDown()
        if state != .failed { state = .stopped }
    }

    /// Runs a command in the guest; the command is killed when `body` returns before it has ended.
    ///
    /// - Throws: ``SmartVMError``: `INVALID_STATE` unless the VM runs, `GUEST_UNREACHABLE`, `GUEST_PROTOCOL`; what `body` throws.
    public nonisolated func withProcess<Result>(
        _ command: GuestCommand, _ body: (GuestProcess) async throws -> Result
    ) async throws -> Result {
        let request = try command.request()
        do {
            return try await GuestSocket.withConnection(try await runningVsockPath(), port: VsockPort.exec) {
                reader, writer in
                try await writer.write(ExecInput.start(request))
                return try await body(GuestProcess(reader: reader, writer: writer))
            }
        } catch let error as SmartVMError where error.code == .guestUnreachable {
            throw await explained(error)
        }
    }

    /// Runs a command in the guest to its end and collects what it prints.
    ///
    /// - Parameters:
    ///   - input: Its standard input. Default: empty.
    ///   - limit: How many bytes of output are kept, of each stream; the rest is read and dropped. Default: 16 MiB.
    public nonisolated func exec(
        _ arguments: [String], input: [UInt8]? = nil, limit: Int = 16 << 20
    ) async throws -> GuestCommandResult {
        try await exec(GuestCommand(arguments, hasStandardInput: input != nil), input: input, limit: limit)
    }

    /// Runs a command in the guest to its end and collects what it prints.
    public nonisolated func exec(
        _ command: GuestCommand, input: [UInt8]? = nil, limit: Int = 16 << 20
    ) async throws -> GuestCommandResult {
        try await withProcess(command) { process in
            let sink = process.input
            let feeder = input.map { bytes in
                Task {
                    try? await sink.write(bytes)
                    try? await sink.closeStandardInput()
                }
            }
            defer { feeder?.cancel() }
            var result = GuestCommandResult()
            while let event = try await process.nextEvent() {
                switch event {
                case .started: break
                case .standardOutput(let bytes):
                    result.standardOutputBytes += bytes.prefix(limit - result.standardOutputBytes.count)
                case .standardError(let bytes):
                    result.standardErrorBytes += bytes.prefix(limit - result.standardErrorBytes.count)
                case .ended(let ending): result.ending = ending
                }
            }
            return result
        }
    }

    /// The VMM's socket towards the guest, while the VM runs.
    func runningVsockPath() throws -> String {
        guard state == .running, let vsockPath else {
            throw SmartVMError(.invalidState, "VM \(id) is \(state.rawValue), not running.")
        }
        return vsockPath
    }
}

extension MicroVM {
    private func boot(timeout: Duration) async throws {
        let directory = try directories.create(id)
        let apiSocketPath = directory.apiSocketPath
        let vsockPath = directory.vsockPath
        let sessionPath = directory.guestInitiatedSocketPath(port: VsockPort.session)
        self.vsockPath = vsockPath

        let session = GuestSession { [hostname] in
            Configuration(
                hostname: hostname, machineID: Self.randomHexadecimal(bytes: 16),
                wallClockNanoseconds: Self.wallClockNanoseconds(), entropySeed: Self.randomBytes(64))
        }
        let process: VMMProcess
        let console: Console
        do {
            let listener = try UnixSocket.listen(at: sessionPath)
            let pipe = try Pipe()
            let output = pipe.write
            console = try Console(reading: pipe.read, handler: consoleHandler)
            self.console = console
            process = try VMMProcess(executable: vmm.path, id: id, directory: directory, console: output)
            self.process = process
            self.directory = consume directory
            let descriptor = listener.take()
            sessionTask = Task { try await session.run(Descriptor(owning: descriptor)) }
        } catch let error as Errno {
            throw SmartVMError(.vmmFailed, "VM \(id) cannot be prepared: \(error).", underlying: error)
        }

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await self.configureAndAwait(session, apiSocketPath: apiSocketPath, vsockPath: vsockPath)
            }
            group.addTask {
                let ending = try await process.waitUntilEnded()
                await console.waitUntilDrained()
                throw Self.bootFailure("The VM ended before the guest's agent answered (\(ending)).", console)
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw Self.bootFailure("The guest's agent did not answer within \(timeout).", console)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func configureAndAwait(_ session: GuestSession, apiSocketPath: String, vsockPath: String) async throws {
        let client = try await openClient(apiSocketPath)
        for request in plan.requests(vsockPath: vsockPath) { try await client.send(request) }
        for await event in session.events {
            if case .ready(let hello, _) = event {
                guestBootTime = .microseconds(hello.monotonicMicroseconds)
                return
            }
        }
        throw CancellationError()
    }

    /// Waits for the VMM to listen: a matter of milliseconds, in which it can also fail.
    private func openClient(_ path: String) async throws -> SocketClient {
        let client = SocketClient(socketPath: path)
        self.client = client
        // The file is there before anybody listens at it.
        while (try? UnixSocket.connect(to: path, nonBlocking: true)) == nil {
            try await Task.sleep(for: .milliseconds(1))
        }
        return client
    }

    private static func bootFailure(_ what: String, _ console: Console) -> SmartVMError {
        return SmartVMError(
            .bootFailed, what + lastWords(console),
            cure: "--console shows all of it, --memory gives more memory, --boot-timeout more time.")
    }

    private static func lastWords(_ console: Console) -> String {
        let lines = console.closingLines(12).map { "\n  \($0)" }.joined()
        return lines.isEmpty ? "\nIts console is empty." : "\nThe last lines of its console:" + lines
    }

    /// An error of a connection that broke, with what the guest's console said meanwhile: a kernel that panicked has said why.
    private func explained(_ error: SmartVMError) async -> SmartVMError {
        guard let console else { return error }
        // The connection breaks when the machine ends; the last lines are on their way then.
        try? await Task.sleep(for: .milliseconds(100))
        var error = error
        error.message += Self.lastWords(console)
        return error
    }

    private func tearDown() async {
        sessionTask?.cancel()
        await client?.close()
        client = nil
        await process?.terminate()
        process = nil
        _ = await sessionTask?.result
        sessionTask = nil
        vsockPath = nil
        directory.take()?.remove()
    }

    private static func wallClockNanoseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    static func randomHexadecimal(bytes: Int) -> String {
        randomBytes(bytes).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}

/// What a command that has ended in a guest left.
public struct GuestCommandResult: Hashable, Sendable {
    public internal(set) var ending = GuestCommandEnding.exited(0)
    public internal(set) var standardOutputBytes: [UInt8] = []
    public internal(set) var standardErrorBytes: [UInt8] = []

    /// 128 + n for signal n.
    public var exitStatus: Int32 { ending.shellStatus }
    /// As text; bytes that are no UTF-8 become U+FFFD.
    public var standardOutput: String { String(decoding: standardOutputBytes, as: UTF8.self) }
    /// As text; bytes that are no UTF-8 become U+FFFD.
    public var standardError: String { String(decoding: standardErrorBytes, as: UTF8.self) }
}
