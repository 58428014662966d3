internal import FirecrackerAPI
internal import Glibc
internal import Linux

/// Waits for whatever happens next, on one thread: a client, the machine, a signal, the minute of the metrics.
final class MainLoop {
    /// What Firecracker ends with when one of these signals is sent to it. Other signals do what they do to any
    /// process.
    private static let signalStatus: [Int32: Int32] = [
        SIGSYS: 2, SIGBUS: 149, SIGSEGV: 150, SIGXFSZ: 151, SIGXCPU: 154, SIGHUP: 156, SIGILL: 157,
    ]
    /// Signals that Firecracker does not catch. Here they end QEMU first, so that whoever waits for this process finds
    /// both gone.
    private static let uncaught = [SIGTERM, SIGINT, SIGQUIT]
    private static let watched = Array(signalStatus.keys) + uncaught + [SIGPIPE]
    private static let signalNames: [Int32: String] = [
        SIGBUS: "sigbus", SIGSEGV: "sigsegv", SIGXFSZ: "sigxfsz", SIGXCPU: "sigxcpu", SIGPIPE: "sigpipe",
        SIGHUP: "sighup", SIGILL: "sigill",
    ]

    private let controller: Controller
    private let handler: RequestHandler
    private let server: APIServer?
    private let epoll: Epoll
    private let signals: SignalDescriptor
    private let timer: TimerDescriptor
    /// Runs while a drive has a burst that is not spent.
    private let burstTimer: TimerDescriptor
    private var watchesBursts = false
    private static let burstInterval = Duration.milliseconds(100)
    private var end: ProcessEnd?

    /// Signals that are read from a descriptor must be blocked before there is any second thread.
    static func blockSignals() {
        SignalMask.block(watched)
    }

    init(controller: Controller, server: APIServer?) throws(Errno) {
        self.controller = controller
        self.server = server
        handler = RequestHandler(controller: controller)
        epoll = try Epoll()
        signals = try SignalDescriptor(Self.watched)
        timer = try TimerDescriptor()
        burstTimer = try TimerDescriptor()
        try epoll.add(signals.descriptor.rawValue, .readable, token: UInt64(signals.descriptor.rawValue))
        try epoll.add(timer.descriptor.rawValue, .readable, token: UInt64(timer.descriptor.rawValue))
        try epoll.add(burstTimer.descriptor.rawValue, .readable, token: UInt64(burstTimer.descriptor.rawValue))
        try timer.arm(after: Metrics.interval, every: Metrics.interval)
        try server?.register(with: epoll)
        if controller.machine != nil { try watchMachine() }
        try watchBursts()
    }

    /// Serves until the process is to end.
    func run() throws(Errno) -> ProcessEnd {
        while true {
            var events: [Epoll.Event] = []
            try epoll.wait { events.append($0) }
            for event in events where end == nil { try handle(event) }
            try watchBursts()
            if let end { return end }
        }
    }

    private func handle(_ event: Epoll.Event) throws(Errno) {
        let descriptor = Int32(truncatingIfNeeded: event.token)
        if let server, server.owns(descriptor) {
            let wasStarted = controller.machine != nil
            server.handle(descriptor, event.events, epoll: epoll) { handler.handleRequest($0) }
            if !wasStarted, controller.machine != nil { try watchMachine() }
            if controller.fatal != nil {
                end = .generic(
                    "RunWithApiError error: Failed to build MicroVM: Loading snapshot failed.",
                    "RunWithApi(BuildMicroVmError(Restore))")
            }
        } else if descriptor == signals.descriptor.rawValue {
            while let signal = signals.next() { take(signal) }
        } else if descriptor == burstTimer.descriptor.rawValue {
            burstTimer.drain()
            controller.machine?.machine.checkBursts()
        } else if descriptor == timer.descriptor.rawValue {
            timer.drain()
            if controller.machine?.isPaused != true { controller.metrics.write(devices: controller.meteredDevices) }
        } else {
            controller.machine?.machine.handle(readable: descriptor)
            controller.reportBoot()
            checkMachine()
        }
    }

    private func watchBursts() throws(Errno) {
        let isNeeded = controller.machine?.machine.hasBursts == true
        guard isNeeded != watchesBursts else { return }
        watchesBursts = isNeeded
        try burstTimer.arm(after: isNeeded ? Self.burstInterval : nil, every: isNeeded ? Self.burstInterval : .zero)
    }

    private func watchMachine() throws(Errno) {
        for descriptor in controller.machine?.machine.descriptors ?? [] {
            try epoll.add(descriptor, .readable, token: UInt64(descriptor))
        }
        // It may have ended while the start waited for its monitor.
        checkMachine()
    }

    private func checkMachine() {
        guard let ending = controller.machine?.machine.ending else { return }
        controller.log.log(.info, "Vmm is stopping.", module: .vmm)
        switch ending {
        case .guest:
            end = .success
        case .failed(let reason):
            controller.log.log(.error, reason, module: .vmm)
            end =
                server == nil
                ? .generic(
                    "RunWithoutApiError error: MicroVMStopped without an error: GenericError",
                    "RunWithoutApiError(Shutdown(GenericError))")
                : .generic(
                    "RunWithApiError error: MicroVMStopped with an error: GenericError",
                    "RunWithApi(MicroVMStoppedWithError(GenericError))")
        }
    }

    private func take(_ signal: Int32) {
        if let name = Self.signalNames[signal] { controller.metrics.count(Metrics.Counter("signals", name)) }
        if Self.uncaught.contains(signal) { end = .uncaught(signal: signal) }
        guard let status = Self.signalStatus[signal] else { return }
        controller.log.log(.error, "Shutting down VM after intercepting signal \(signal), code 0.", module: .vmm)
        end = .signal(status: status)
    }
}
