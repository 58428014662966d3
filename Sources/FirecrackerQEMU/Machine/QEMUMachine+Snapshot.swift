internal import FirecrackerAPI
internal import Glibc
public import Linux

// The devices' state travels without the memory, which ``MachineMemory`` saves. QEMU has a command for that, made for Xen, which
// needs no migration of the running machine: the machine goes on as it was.

extension QEMUMachine {
    /// What a paused machine is apart from its memory.
    ///
    /// The guest's socket connections end here, as with Firecracker: the state of a connection cannot be in two places.
    public func saveState() throws(MachineFault) -> MachineDescription.SavedState {
        let file: StateFile
        let writer: Int32
        do throws(Errno) {
            file = try StateFile()
            // QEMU asks for a descriptor that is open for writing alone.
            writer = try file.openForWriting()
        } catch {
            throw MachineFault("Cannot open the channels to QEMU", error)
        }
        defer { close(writer) }
        let set = JSONValue.members(["fdset-id": .unsigned(0)])
        try runCommand("add-fd", set, passing: writer)
        defer { _ = try? runCommand("remove-fd", set) }
        try runCommand("xen-save-devices-state", .members(["filename": .string("/dev/fdset/0"), "live": .bool(false)]))
        vsock?.dropConnections()
        let limiters = try limiterLevels()
        do throws(Errno) {
            return MachineDescription.SavedState(
                bytes: try file.descriptor.read(at: 0, upTo: Int(FileRange.size(file.descriptor.rawValue) ?? 0)),
                qemuVersion: process.monitor.version, timeStampCounter: timeStampCounter,
                stoppedAt: stoppedAt, nextHostPort: vsock?.nextHostPort, limiters: limiters)
        } catch {
            throw MachineFault("Cannot read the state from QEMU", error)
        }
    }

    /// Writes a paused machine's memory to a file of the memory's length, whose other bytes stay as they are.
    ///
    /// - Parameter changesOnly: What changed since it was last written and confirmed, or loaded. Where changes are not tracked, that is all that was
    ///   touched since the boot or the load.
    public func saveMemory(to file: Int32, changesOnly: Bool) throws(Errno) {
        try memory.save(to: file, changesOnly: changesOnly, process: processID)
        try hotplugMemory?.save(to: file, at: memory.size, changesOnly: changesOnly, process: processID)
    }

    /// The length of the file that ``saveMemory(to:changesOnly:)`` writes.
    public var savedMemorySize: Int { memory.size + (hotplugMemory?.size ?? 0) }

    /// From now on changes are those since the memory was last written.
    public func confirmSavedMemory() {
        memory.confirmSave()
        hotplugMemory?.confirmSave()
    }

    /// Gives a machine that was started for it the state of another.
    func load(_ state: MachineDescription.SavedState, timeout: Duration) throws(MachineFault) {
        let version = process.monitor.version
        guard version == state.qemuVersion else {
            // It might accept what it would misread.
            process.kill()
            throw MachineFault(
                "The snapshot was made with QEMU \(state.qemuVersion), and this is QEMU \(version). Load it with that QEMU "
                    + "(--qemu-binary), or make the snapshot anew.")
        }
        do throws(QMPError) {
            try receive(state, timeout: timeout)
        } catch {
            throw startFault(error)
        }
        isPaused = true
        stoppedAt = state.stoppedAt
    }

    /// What was plugged is copied: QEMU discards what it finds at its start, and can map no part of a file but the first.
    func loadHotplugMemory(from snapshot: Int32) throws(MachineFault) {
        do throws(Errno) {
            try hotplugMemory?.fill(from: snapshot, at: memory.size)
        } catch {
            process.kill()
            throw MachineFault("Cannot read the plugged memory of the snapshot", error)
        }
    }

    private func receive(_ state: MachineDescription.SavedState, timeout: Duration) throws(QMPError) {
        let monitor = process.monitor
        let file: StateFile
        do throws(Errno) {
            file = try StateFile()
            try file.descriptor.writeAll(state.bytes)
            let value = file.descriptor.rawValue
            try systemCall { lseek(value, 0, SEEK_SET) }
        } catch {
            throw .refused(command: "getfd", description: "there is no file for the state: \(error)")
        }
        try monitor.execute("getfd", .members(["fdname": .string("state")]), passing: file.descriptor.rawValue)
        try monitor.execute("migrate-incoming", .members(["uri": .string("fd:state")]))
        let deadline = ContinuousClock.now + timeout
        while true {
            let status = try monitor.execute("query-migrate")
            switch status["status"]?.text {
            case "completed": return
            case "failed":
                throw .refused(
                    command: "migrate-incoming", description: status["error-desc"]?.text ?? "no reason given")
            default:
                guard ContinuousClock.now < deadline else { throw .timedOut(command: "migrate-incoming") }
                usleep(200)
            }
        }
    }
}

/// Where the state stands between QEMU and this process.
private final class StateFile {
    let descriptor: Descriptor

    init() throws(Errno) {
        descriptor = try SparseFile.inMemory("machine-state", size: 0)
    }

    /// A second descriptor, which the caller closes.
    func openForWriting() throws(Errno) -> Int32 {
        try Descriptor.open("/proc/self/fd/\(descriptor.rawValue)", O_WRONLY).take()
    }
}

extension MachineDescription {
    /// A balloon gives pages back by cutting holes into the memory's file, which is right only as long as the file is this machine's
    /// own. Where it is a snapshot's, QEMU only believes that it does; then it lets go of the pages that are the machine's own, which
    /// are the file's again: what they hold is nothing that the guest counts on.
    var skippedSystemCalls: [Int] {
        snapshot != nil && balloon != nil ? [SeccompNotification.fallocate] : []
    }
}
