internal import FirecrackerAPI
internal import Glibc
public import Linux

/// A running machine: one QEMU process, its monitor, and the devices that this process plays for it.
///
/// Theory of operation. A ``MachineDescription`` becomes QEMU's command line (``QEMUCommandLine``), in which every file is a descriptor
/// that QEMU inherits. The process is started with a death signal, so that no end of this process, however sudden, leaves it behind;
/// the kernel ties that signal to the *thread* that starts it, which therefore must be the one that lives as long as the process. The
/// monitor (``QMPClient``) is one end of a socket pair. When it answers, the machine stands and its processors run.
///
/// The owner polls ``descriptors`` and calls ``handle(readable:)``; once QEMU has ended, ``ending`` says how. Nothing here is safe to
/// use from two threads. The devices that this process plays
/// (``VhostDevices``) have threads of their own, because QEMU waits for them inside system calls.
public final class QEMUMachine {
    /// What does not belong to the machine but to the way of running it.
    public struct Options: Sendable {
        /// A path, or a name to look up in `searchPath`; nil is `qemu-system-x86_64`.
        public var qemuBinary: String?
        /// The value of PATH.
        public var searchPath: String?
        /// Who QEMU is to run as; nil: as this process.
        public var user: QEMUUser?
        /// Whether the guest's writes to Firecracker's boot timer are told: see ``takeBootSignals()``.
        public var timesBoot = false
        /// Taken as early in this process as may be: the frequency of the time stamp counter is measured from then to the start.
        public var processStart: TimeStamp
        /// How long QEMU may take until its monitor answers.
        public var startTimeout: Duration = .seconds(30)

        public init(
            qemuBinary: String? = nil, searchPath: String? = nil, user: QEMUUser? = nil,
            processStart: TimeStamp = .now()
        ) {
            self.qemuBinary = qemuBinary
            self.searchPath = searchPath
            self.user = user
            self.processStart = processStart
        }
    }

    /// How a machine ended.
    public enum Ending: Hashable, Sendable {
        /// The guest reset or switched off the machine.
        case guest
        /// QEMU failed, or was ended from outside: what is known of the reason.
        case failed(String)

        /// What a VMM's process ends with.
        public var exitStatus: Int32 { self == .guest ? 0 : 1 }
    }

    /// Set once QEMU has ended.
    public private(set) var ending: Ending?
    public internal(set) var isPaused = false

    let description: MachineDescription
    let user: QEMUUser?
    let process: QEMUProcess
    let memory: MachineMemory
    /// The memory that can be plugged.
    let hotplugMemory: MachineMemory?
    let memoryMap: MemoryMap
    /// When the machine was last paused, by the host's clock, in nanoseconds since 1970.
    var stoppedAt: UInt64 = 0
    /// What the guest was told of its time stamp counter, in kHz.
    let timeStampCounter: Int
    /// By the drives' ids.
    var driveNodes: [String: DriveNodes]
    var bursts: DriveBursts
    var balloonTargetMiB = 0
    var keyboard = KeyboardBuffer()
    var driveCounters = DriveCounters()
    let streams: DeviceStreams?
    private let vhost: VhostDevices?
    /// QEMU's numbers of the TAPs that it has had from its start, by the ids of their interfaces: see ``occupy(_:)``.
    var tapNumbers: [String: Int32]
    var vsock: VsockThread? { vhost?.vsock }
    var network: NetworkInterfaces? { vhost?.network }
    /// Whether QEMU said that it was not the guest who ended it.
    private var hostEndedIt = false

    /// Starts the machine, and returns when it runs, or, if it comes from a snapshot, when it could run: it is paused then.
    ///
    /// - Throws: A fault whose text follows `Start microvm error: `. Nothing is left of the attempt then, and it can be made again.
    public init(_ given: MachineDescription, options: Options) throws(MachineFault) {
        var description = given
        let binary = try QEMUBinary.locate(options.qemuBinary, searchPath: options.searchPath)
        try description.check()
        let memoryMap = try MemoryMap(description)
        let copies = try Self.makeReadable(&description, for: options.user)
        defer { withExtendedLifetime(copies) {} }
        let frequency: Int
        if let snapshot = description.snapshot {
            frequency = snapshot.state.timeStampCounter
        } else {
            frequency = try Self.measureTimeStampCounter(options)
        }
        var kernelCommandLine: String?
        if description.snapshot == nil {
            kernelCommandLine = try KernelCommandLine(
                description, memoryMap: memoryMap, timeStampCounter: frequency
            ).text
        }
        let memory = try Self.openMemory(description)
        let hotplugMemory = try Self.openHotplugMemory(description)
        self.description = given
        user = options.user
        self.memory = memory
        self.hotplugMemory = hotplugMemory
        self.memoryMap = memoryMap
        timeStampCounter = frequency
        let limits = Self.initialLimiters(description)
        bursts = limits.bursts
        for index in description.drives.indices { description.drives[index].limiter = limits.limiters[index] }
        driveNodes = [:]
        for drive in description.drives {
            driveNodes[drive.id] = DriveNodes(drive, isBlockDevice: FileRange.isBlockDevice(drive.file))
        }
        let streams = try Self.openStreams(description)
        self.streams = streams
        let started = try QEMUProcess.start(
            binary, user: options.user, console: description.console, consoleOutput: streams?.consoleEnd,
            memory: memory.descriptor, hotplugMemory: hotplugMemory?.descriptor,
            skipping: description.skippedSystemCalls
        ) { (channels) throws(MachineFault) in
            var channels = channels
            channels.entropy = streams?.entropyEnd
            return try QEMUCommandLine(
                description, memoryMap: memoryMap, kernelCommandLine: kernelCommandLine, channels: channels,
                isBlockDevice: FileRange.isBlockDevice)
        }
        process = started.process
        tapNumbers = Dictionary(
            zip(description.networkInterfaces.map(\.id), started.line.tapDescriptors)
        ) { first, _ in first }
        vhost = try started.listener.flatMap { (listener) throws(MachineFault) in
            try VhostDevices(description, started.process.child, listener, started.line)
        }
        try Self.begin(streams, output: started.process.consoleOutput)
        do throws(QMPError) {
            try process.monitor.open(timeout: options.startTimeout)
        } catch {
            // The guest may have been faster than the monitor: it ran, and has reset the machine.
            if hasEndedWell(error) { return }
            throw startFault(error)
        }
        if let snapshot = description.snapshot {
            try load(snapshot.state, timeout: options.startTimeout)
            try loadHotplugMemory(from: snapshot.memory)
        }
        if description.plugsDevices { try plugDevices() }
        do throws(QMPError) {
            if options.timesBoot, description.snapshot == nil { try watchBootTimer() }
            if let balloon = description.balloon { try begin(balloon) }
        } catch {
            if hasEndedWell(error) { return }
            throw startFault(error)
        }
    }

    private func hasEndedWell(_ error: QMPError) -> Bool {
        error == .closed && process.checkEnd(timeout: .seconds(5)) == .exited(0) && process.complaint == nil
    }

    /// Ends QEMU. One that has closed its monitor was about to end, and its last words say why.
    func startFault(_ error: QMPError) -> MachineFault {
        if error == .closed { _ = process.checkEnd(timeout: .seconds(5)) }
        process.kill()
        return MachineFault("QEMU could not start the machine: \(process.complaint ?? error.description)")
    }

    private static func measureTimeStampCounter(_ options: Options) throws(MachineFault) -> Int {
        guard let frequency = TimeStampCounter.measure(since: options.processStart) else {
            throw MachineFault("The processor's time stamp counter does not run; a guest could not tell the time.")
        }
        return frequency
    }

    private static func openMemory(_ description: MachineDescription) throws(MachineFault) -> MachineMemory {
        let size = description.memoryMiB << 20
        do throws(Errno) {
            guard let snapshot = description.snapshot else {
                return try MachineMemory(
                    size: size, usesHugePages: description.usesHugePages, tracksChanges: description.tracksMemoryChanges
                )
            }
            return try MachineMemory(
                snapshot: snapshot.memory, size: size, tracksChanges: description.tracksMemoryChanges)
        } catch .outOfMemory where description.usesHugePages {
            // Firecracker's memory is there without them, until the kernel is to be read into it.
            throw ELFKernel.unreadable
        } catch {
            throw MachineFault("Invalid Memory Configuration: Cannot create memory file", error)
        }
    }

    private static func openHotplugMemory(_ description: MachineDescription) throws(MachineFault) -> MachineMemory? {
        guard let hotplug = description.hotplugMemory else { return nil }
        do throws(Errno) {
            return try MachineMemory(size: hotplug.sizeMiB << 20, tracksChanges: description.tracksMemoryChanges)
        } catch {
            throw MachineFault("Invalid Memory Configuration: Cannot create memory file", error)
        }
    }

    /// QEMU's process, for those who count its CPU time or memory.
    public var processID: Int32 { process.child.pid }

    /// To be polled for reading.
    public var descriptors: [Int32] {
        // What has ended stays readable for ever; the process then is about to end too.
        (process.monitor.isClosed ? [] : [process.monitor.descriptor])
            + (process.errorOutputHasEnded ? [] : [process.errorOutput.rawValue]) + [process.child.descriptor]
    }

    /// Takes in what one of ``descriptors`` has.
    public func handle(readable descriptor: Int32) {
        switch descriptor {
        case process.errorOutput.rawValue:
            process.receiveErrorOutput()
            if process.hasTakenOverNetwork {
                process.kill()
                ending = .failed(
                    "The guest has set up a network queue that is not in its memory. QEMU would serve it past all limits."
                )
            }
        case process.monitor.descriptor, process.child.descriptor: receiveEvents()
        default: break
        }
        guard ending == nil, let end = process.checkEnd() else { return }
        receiveEvents()
        streams?.drainAndStop()
        ending = Self.ending(end, hostEndedIt: hostEndedIt, complaint: process.complaint)
    }

    /// Ends QEMU at once, as a power failure would.
    public func kill() {
        process.kill()
        streams?.drainAndStop()
        if ending == nil { ending = .failed("QEMU was killed.") }
    }

    private func receiveEvents() {
        try? process.monitor.receiveEvents()
        for event in process.monitor.takeEvents() where event.name == "SHUTDOWN" {
            hostEndedIt = hostEndedIt || event.data["guest"] == .bool(false)
        }
    }

    /// A guest that ends the machine before the monitor is open does so without an event, so that only the contrary can be told:
    /// by an event, or by QEMU's last words about a signal.
    static func ending(_ end: ChildProcess.Ending, hostEndedIt: Bool, complaint: String?) -> Ending {
        let words = complaint.map { ": \($0)" } ?? "."
        return switch end {
        case .exited(0) where !hostEndedIt && complaint?.contains("terminating on signal") != true: .guest
        case .exited(0): .failed("QEMU was ended from outside\(words)")
        case .exited(let status): .failed("QEMU ended with status \(status)\(words)")
        case .signaled(let signal): .failed("QEMU was ended by signal \(signal)\(words)")
        }
    }
}

extension QEMUMachine {
    /// Halts the processors and the devices; the guest's clock stands still. Nothing happens to a paused machine.
    public func pause() throws(MachineFault) {
        try runCommand("stop")
        stoppedAt = WallClock.now
        isPaused = true
    }

    /// Goes on after ``pause()``. Nothing happens to a machine that runs.
    public func resume() throws(MachineFault) {
        try runCommand("cont")
        isPaused = false
        if vsock?.holdsClients == true {
            // Only after this answer QEMU has told the guest of the reset, which would end a new connection too.
            try runCommand("query-status")
            vsock?.admitClients()
        }
    }

    /// A command whose refusal is the caller's fault to report.
    @discardableResult
    func runCommand(
        _ name: String, _ arguments: JSONValue? = nil, passing descriptor: Int32? = nil
    ) throws(MachineFault) -> JSONValue {
        do throws(QMPError) {
            return try process.monitor.execute(name, arguments, passing: descriptor)
        } catch {
            throw MachineFault(error.description)
        }
    }
}
