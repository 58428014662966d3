internal import Glibc
internal import GuestProtocol
internal import Linux
internal import Reactor

/// Everything that the agent does once the guest is up.
final class Services: EventHandler, HostSessionDelegate {
    private enum Source: UInt8 {
        case signals, idle
    }

    /// How long after the first command may start the memory of the initramfs is freed and late modules are loaded, in ms.
    private static let idleDelay = 200

    /// What may be on the way to a command or a transfer, in bytes. The kernel has no more on its way from there either.
    private static let connectionBuffer: UInt64 = 1 << 20

    private let loop: EventLoop
    private let signals: SignalDescriptor
    private let processes: ProcessTable
    private let server: ExecServer
    private let files: FileServer
    private var usage: UsageServer?
    private let modules: ModuleLoader
    private var applier: ConfigurationApplier
    private var session: HostSession?
    private var shutdown: ShutdownSequence?
    private var ending: Shutdown?
    private var didIdleWork = false
    private let initramfsIsRoot: Bool

    init(signals numbers: [Int32], modules: ModuleLoader, clock: BootClock, initramfsIsRoot: Bool) throws(Errno) {
        loop = try EventLoop(bufferSize: FrameHeader.size + FrameType.maximumData)
        signals = try SignalDescriptor(numbers)
        processes = ProcessTable(.everyChild, loop: loop)
        let listener = try VsockSocket.listen(port: VsockPort.exec)
        try? VsockSocket.setReceiveBuffer(Self.connectionBuffer, of: listener.rawValue)
        server = ExecServer(listener: listener, loop: loop, launcher: CommandLauncher(), processes: processes)
        let filesListener = try VsockSocket.listen(port: VsockPort.files)
        try? VsockSocket.setReceiveBuffer(Self.connectionBuffer, of: filesListener.rawValue)
        files = try FileServer(listener: filesListener, loop: loop)
        self.modules = modules
        self.initramfsIsRoot = initramfsIsRoot
        applier = ConfigurationApplier(modules: modules)
        usage = try UsageServer(listener: try VsockSocket.listen(port: VsockPort.usage), loop: loop) { [weak self] in
            self?.applier.mountPaths ?? []
        }
        _ = try loop.add(signals.descriptor.rawValue, [.readable], handler: self, source: Source.signals.rawValue)

        var clock = clock
        clock.mark("services")
        let steps = clock.steps
        session = HostSession(loop: loop, delegate: self) {
            Hello(
                kernelRelease: Machine.kernelRelease, architecture: Machine.architecture, agentVersion: Agent.version,
                monotonicMicroseconds: Clock.monotonicNanoseconds / 1000, bootSteps: steps)
        }
    }

    /// Serves until all processes have ended after a request to shut down.
    func run() throws(Errno) {
        session?.start()
        try loop.run()
        if let ending { session?.send(.ended(ending)) }
    }

    func handle(_ events: Epoll.Events, source: UInt8) {
        switch Source(rawValue: source) {
        case .signals:
            while let signal = signals.next() { take(signal) }
        case .idle:
            while modules.loadNextLate() {}
            if !initramfsIsRoot { modules.discardInitramfs() }
        case nil:
            break
        }
    }

    private func take(_ signal: Int32) {
        switch signal {
        case SIGCHLD: processes.reap()
        // Ctrl-Alt-Del arrives as SIGINT.
        case SIGTERM, SIGINT, SIGPWR: shutDown(.powerOff, graceMilliseconds: Shutdown.shortGrace)
        default: break
        }
    }

    // MARK: The host's wishes

    func configure(_ configuration: Configuration) -> ConfigurationOutcome {
        applier.apply(configuration)
    }

    func sessionAllowsCommands(_ allowed: Bool) {
        guard shutdown == nil else { return }
        if !allowed {
            files.close()
            return server.close()
        }
        server.open()
        files.open()
        if !didIdleWork {
            didIdleWork = true
            loop.schedule(milliseconds: Self.idleDelay, handler: self, source: Source.idle.rawValue)
        }
    }

    func shutDown(_ kind: Shutdown, graceMilliseconds: UInt32) {
        guard shutdown == nil else { return }
        server.close()
        files.close()
        let sequence = ShutdownSequence(kind, grace: Int(graceMilliseconds), loop: loop, processes: processes) {
            [self] kind in
            ending = kind
            loop.stop()
        }
        shutdown = sequence
        sequence.start()
    }
}
