internal import FirecrackerAPI
internal import Glibc
internal import Linux

extension Controller {
    /// Makes the VM that a snapshot describes: with its devices on the files, TAPs and sockets of then, or on others that the
    /// request names.
    ///
    /// - Throws: What follows `Failed to restore from snapshot: `.
    func restoredMachine(from load: SnapshotLoad) throws(MachineFault) -> RunningMachine {
        var state: SnapshotState
        do throws(MachineFault) {
            state = try SnapshotFile.read(load.snapshotPath, host: resources.host)
            try state.apply(load)
        } catch {
            throw MachineFault("Failed to get snapshot state from file: \(error.description)")
        }
        let memory: SharedDescriptor
        do throws(MachineFault) {
            memory = try openMemoryFile(load, state.configuration.machineConfig, sizeMiB: state.memorySizeMiB)
        } catch {
            throw MachineFault("Failed to load guest memory: Error creating guest memory from \(error.description)")
        }
        do throws(MachineFault) {
            if load.clockRealtime { try state.advanceClock() }
            let devices = try resources.restored(from: state)
            for sentence in devices.withoutEffect { log.log(.warn, sentence, module: .vmm) }
            let (description, opened) = try devices.machineDescription(
                restoring: .init(memory: memory.descriptor.rawValue, state: state.machine))
            let machine = try QEMUMachine(description, options: options)
            // QEMU has its own copy now.
            withExtendedLifetime(opened) {}
            warn(ofFrequency: state.machine.timeStampCounter)
            return RunningMachine(machine, devices: devices)
        } catch {
            throw MachineFault("Failed to build microVM from snapshot: \(error.description)")
        }
    }

    /// - Throws: What follows `Error creating guest memory from `.
    private func openMemoryFile(
        _ load: SnapshotLoad, _ config: MachineConfig, sizeMiB: UInt64
    ) throws(MachineFault) -> SharedDescriptor {
        let path = load.memBackend?.backendPath ?? load.memFilePath ?? ""
        if load.memBackend?.backendType == .uffd {
            do throws(Errno) {
                _ = try resources.host.connectToSocket(path)
            } catch {
                throw MachineFault("uffd: Failed to connect to UDS Unix stream", error)
            }
            throw MachineFault(
                "uffd: smartvm-qemu cannot have a process serve page faults. Give the memory's file: backend_type File."
            )
        }
        if config.hugePages != .normal {
            throw MachineFault(
                "file: Cannot restore hugetlbfs backed snapshot by mapping the memory file. Please use uffd.")
        }
        let file: SharedDescriptor
        do throws(Errno) {
            file = try resources.host.openFile(path, writable: true)
        } catch {
            guard (try? resources.host.openFile(path, writable: false)) != nil, error != .isDirectory else {
                throw MachineFault("file: Failed to load guest memory", error)
            }
            throw MachineFault(
                "file: Failed to load guest memory: QEMU must be able to open \(path) for writing, although it maps it "
                    + "privately and never writes to it: \(error.withNumber)")
        }
        if let user = options.user, !user.mayOpen(file.descriptor.rawValue, writable: true) {
            throw MachineFault(
                "file: Failed to load guest memory: QEMU runs as user \(user.userID) (--qemu-user), who must be able to open "
                    + "\(path) for reading and writing: chown it to that user.")
        }
        guard let length = FileRange.size(file.descriptor.rawValue), length >> 20 >= sizeMiB else {
            throw MachineFault(
                "file: Failed to restore guest memory: Total sum of memory regions exceeds largest possible file offset"
            )
        }
        return file
    }

    /// A guest under emulation reads the host's counter as it is, and goes by the frequency that it was told at its boot.
    private func warn(ofFrequency told: Int) {
        guard let measured = TimeStampCounter.measure(since: options.processStart) else { return }
        let deviation = Double(measured) / Double(told) - 1
        guard abs(deviation) > 0.002 else { return }
        let percent = Double(Int(abs(deviation) * 1000)) / 10
        log.log(
            .warn,
            "The snapshot's guest counts on \(told) kHz of the time stamp counter, which has \(measured) kHz on this "
                + "host: its clocks will go \(percent) % too \(deviation > 0 ? "fast" : "slow").", module: .vmm)
    }
}

extension SnapshotState {
    /// Of the memory's file: what can be plugged stands behind the other.
    fileprivate var memorySizeMiB: UInt64 {
        UInt64(configuration.machineConfig.memSizeMib) + UInt64(configuration.memoryHotplug?.totalSizeMib ?? 0)
    }

    /// Puts what the request gives in the place of what was saved.
    ///
    /// - Throws: What follows `Failed to get snapshot state from file: `.
    fileprivate mutating func apply(_ load: SnapshotLoad) throws(MachineFault) {
        for override in load.networkOverrides {
            guard let index = configuration.networkInterfaces.firstIndex(where: { $0.ifaceId == override.ifaceId })
            else {
                throw MachineFault("Unknown Network Device.")
            }
            configuration.networkInterfaces[index].hostDevName = override.hostDevName
        }
        if let override = load.vsockOverride {
            guard configuration.vsock != nil else { throw MachineFault("Unknown Vsock Device.") }
            configuration.vsock?.udsPath = override.udsPath
        }
        configuration.machineConfig.trackDirtyPages = load.trackDirtyPages || load.enableDiffSnapshots
    }

    /// Moves the guest's clocks on by the time since it was stopped.
    fileprivate mutating func advanceClock() throws(MachineFault) {
        let now = WallClock.now
        // A host whose clock was set back has nothing to tell.
        guard now > machine.stoppedAt else { return }
        guard
            let moved = GuestClock.advance(
                machine.bytes, by: now - machine.stoppedAt, frequency: machine.timeStampCounter)
        else { throw MachineFault("clock_realtime requested but not present in the snapshot state") }
        machine.bytes = moved
        machine.stoppedAt = now
    }
}
