internal import Glibc
internal import Linux

/// QEMU as a child: its monitor, what it says on standard error, and its end.
final class QEMUProcess {
    let child: ChildProcess
    let monitor: QMPClient
    /// Readable when QEMU says something on standard error.
    let errorOutput: Descriptor
    private let streams: StandardStreams
    private(set) var errorOutputHasEnded = false
    private var lastWords: [UInt8] = []
    private(set) var end: ChildProcess.Ending?

    /// A guest's writes to the boot timer, of which QEMU complains.
    private var bootSignals = 0
    /// What an unfinished line begins with.
    private var line: [UInt8] = []

    /// Where Firecracker has its boot timer.
    private static let bootSignal = Array("Invalid write at addr 0xC0000000, size 1,".utf8)
    /// How complaints of the guest's doings begin, which are nobody's last words.
    private static let guestError = Array("Invalid ".utf8)

    /// A guest can make QEMU complain without end; the last lines are what counts.
    private static let keptOutput = 4096

    /// Starts QEMU, and returns once it has been executed.
    ///
    /// - Parameters:
    ///   - consoleOutput: Takes the console's output in its place, if there is one.
    ///   - memory: The file that is the guest's memory.
    ///   - hotplugMemory: The file that is the memory which can be plugged, if there is any.
    ///   - skipped: Numbers of system calls that do nothing, and succeed.
    ///   - commandLine: Makes the command line.
    /// - Returns: The process, its command line, and the listener of its seccomp filter if there is one.
    static func start(
        _ binary: String, user: QEMUUser?, console: MachineDescription.Console, consoleOutput: Int32?, memory: Int32,
        hotplugMemory: Int32?, skipping skipped: [Int],
        commandLine: (QEMUCommandLine.Channels) throws(MachineFault) -> QEMUCommandLine
    ) throws(MachineFault) -> (process: QEMUProcess, line: QEMUCommandLine, listener: SharedDescriptor?) {
        let monitor = try opening { () throws(Errno) in try MonitorEnds() }
        let errors = try opening { () throws(Errno) in
            let pipe = try Pipe()
            // QEMU loses a message rather than wait for this process.
            try pipe.write.setNonBlocking()
            try pipe.read.setNonBlocking()
            return pipe
        }
        let streams = try opening { () throws(Errno) in try StandardStreams(console) }
        let vhost = try opening { () throws(Errno) in try Descriptor.open("/dev/null", O_RDWR) }
        let line = try commandLine(
            QEMUCommandLine.Channels(
                standardInput: streams.input, standardOutput: consoleOutput ?? streams.output,
                standardError: errors.write.rawValue, monitor: monitor.remote.rawValue, memory: memory,
                hotplugMemory: hotplugMemory, vhost: vhost.rawValue))
        var spawn = Spawn(binary, arguments: [QEMUBinary.name] + line.arguments)
        spawn.descriptors = line.descriptors
        spawn.deathSignal = SIGKILL
        spawn.identity = user?.identity
        spawn.noNewPrivileges = true
        spawn.notificationFilter = SeccompNotification.filter(
            ioctlOf: line.networkDescriptors + (line.vsockDescriptor.map { [$0] } ?? []), group: VhostRequest.group,
            skipping: skipped, unwritable: line.tapDescriptors)
        var started: Spawn.Started
        do throws(Spawn.Failure) {
            started = try spawn.start()
        } catch {
            let whose = user.map { " as user \($0.userID)" } ?? ""
            throw MachineFault("Cannot run \(binary)\(whose)", error.errno)
        }
        let process = QEMUProcess(started.child, monitor.client, errors.read, streams)
        let listener = started.takeListener()?.take()
        return (process, line, listener.map { SharedDescriptor(Descriptor(owning: $0)) })
    }

    /// The monitor's socket pair: one end for this process, one for QEMU.
    private struct MonitorEnds: ~Copyable {
        let client: QMPClient
        let remote: Descriptor

        init() throws(Errno) {
            let ends = try SocketPair()
            client = try QMPClient(ends.first)
            remote = ends.second
        }
    }

    private static func opening<Channel: ~Copyable>(
        _ body: () throws(Errno) -> Channel
    ) throws(MachineFault) -> Channel {
        do throws(Errno) {
            return try body()
        } catch {
            throw MachineFault("Cannot open the channels to QEMU", error)
        }
    }

    private init(
        _ child: ChildProcess, _ monitor: QMPClient, _ errorOutput: consuming Descriptor, _ streams: StandardStreams
    ) {
        self.child = child
        self.monitor = monitor
        self.errorOutput = errorOutput
        self.streams = streams
    }

    deinit {
        kill()
    }

    /// Where the console's output goes in the end.
    var consoleOutput: Int32 { streams.output }

    /// Ends QEMU if it runs, and reaps it.
    func kill() {
        guard end == nil else { return }
        child.kill(SIGKILL)
        reap()
    }

    private func reap() {
        end = try? child.waitUntilExit()
        streams.restore()
    }

    /// Looks whether QEMU has ended, and reaps it then. Waits for at most `timeout`.
    func checkEnd(timeout: Duration = .zero) -> ChildProcess.Ending? {
        if end == nil, child.waitForEnd(timeout: timeout) { reap() }
        return end
    }

    /// Takes in what QEMU has said on standard error.
    func receiveErrorOutput() {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let value = errorOutput.rawValue
        // A guest may make QEMU complain without end; what is left is read the next time.
        for _ in 0..<16 {
            guard
                let count = try? systemCall({ chunk.withUnsafeMutableBytes { read(value, $0.baseAddress, $0.count) } })
            else { return }
            errorOutputHasEnded = count == 0
            if count == 0 { return }
            for byte in chunk[..<count] { takeErrorOutput(byte) }
            if lastWords.count > Self.keptOutput { lastWords.removeFirst(lastWords.count - Self.keptOutput) }
        }
    }

    private func takeErrorOutput(_ byte: UInt8) {
        line.append(byte)
        guard byte == UInt8(ascii: "\n") || line.count >= Self.keptOutput else { return }
        if line.starts(with: Self.bootSignal) { bootSignals += 1 }
        if !line.starts(with: Self.guestError) { lastWords += line }
        if String(decoding: line, as: UTF8.self).contains("falling back on userspace virtio") {
            hasTakenOverNetwork = true
        }
        line = []
    }

    func takeBootSignals() -> Int {
        defer { bootSignals = 0 }
        return bootSignals
    }

    /// Whether QEMU has said that it serves the queues of a network device itself, because it could not hand them over.
    private(set) var hasTakenOverNetwork = false

    /// The last lines that QEMU said on standard error, without its name before them; nil if it said nothing.
    var complaint: String? {
        receiveErrorOutput()
        let prefix = QEMUBinary.name + ": "
        let lines = String(decoding: lastWords + line, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.hasPrefix(prefix) ? $0.dropFirst(prefix.count) : $0 }
            .filter { !$0.hasPrefix("warning: ") }
        let text = lines.suffix(5).joined(separator: "; ")
        return text.isEmpty ? nil : text
    }
}
