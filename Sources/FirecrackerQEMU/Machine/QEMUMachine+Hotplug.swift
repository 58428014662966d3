internal import FirecrackerAPI
internal import Glibc
internal import Linux

// How a device comes onto the bus and off it: see ``DeviceOptions``.

extension QEMUMachine {
    /// Plugs what is described, before the processors run, and lets them run.
    func plugDevices() throws(MachineFault) {
        do throws(MachineFault) {
            for drive in description.drives where drive.place > 0 {
                try runCommand("device_add", description.deviceOptions(drive).json)
            }
            for interface in description.networkInterfaces {
                try runCommand("device_add", description.deviceOptions(interface).json)
            }
            try runCommand("cont")
        } catch {
            process.kill()
            throw error
        }
    }

    /// Plugs a drive into its place, which must be free. The file stays the caller's.
    public func plug(_ drive: MachineDescription.BlockDevice) throws(MachineFault) {
        let nodes = DriveNodes(drive, isBlockDevice: FileRange.isBlockDevice(drive.file))
        do throws(MachineFault) {
            if drive.isVhostUser {
                try plugChannel(nodes, drive.file)
            } else {
                try runCommand(
                    "add-fd", .members(["fdset-id": .unsigned(UInt64(nodes.descriptorSet))]), passing: drive.file)
                let limiter = bursts.begin(drive.place, drive.limiter, usage: .init())
                try runCommand("object-add", try Self.parse(nodes.throttleGroup(limiter)))
                for node in [nodes.file, nodes.format, nodes.filter] {
                    try runCommand("blockdev-add", try Self.parse(node))
                }
            }
            try runCommand("device_add", description.deviceOptions(drive).json)
        } catch {
            bursts.forget(drive.place)
            release(nodes)
            throw error
        }
        driveNodes[drive.id] = nodes
    }

    private func plugChannel(_ nodes: DriveNodes, _ socket: Int32) throws(MachineFault) {
        // QEMU would wait for it without end, and the guest and its monitor with it.
        guard VhostUserServer.answers(on: socket, within: .seconds(1)) else {
            throw MachineFault(
                "The vhost-user server of the drive does not answer within a second: see whether it hangs.")
        }
        try runCommand("getfd", .members(["fdname": .string(nodes.channel)]), passing: socket)
        let address = JSONValue.members([
            "type": .string("fd"), "data": .members(["str": .string(nodes.channel)]),
        ])
        let backend = JSONValue.members([
            "type": .string("socket"), "data": .members(["addr": address, "server": .bool(false)]),
        ])
        try runCommand("chardev-add", .members(["id": .string(nodes.channel), "backend": backend]))
    }

    /// Takes a drive away from the guest, and closes its file.
    public func unplugDrive(_ id: String) throws(MachineFault) {
        guard let nodes = driveNodes[id] else { return }
        try deleteDevice(nodes.device)
        driveNodes[id] = nil
        bursts.forget(nodes.index)
        driveCounters.forget(nodes.index)
        release(nodes)
    }

    /// Plugs an interface into its place, which must be free. The TAP stays the caller's.
    public func plug(_ interface: MachineDescription.NetworkDevice) throws(MachineFault) {
        let name = interface.hostDevice
        do throws(MachineFault) {
            try runCommand("getfd", .members(["fdname": .string(name)]), passing: interface.tap)
            try runCommand(
                "netdev_add",
                .members(["type": .string("tap"), "id": .string(name), "fd": .string(name), "vhost": .bool(false)]))
            try runCommand("device_add", description.deviceOptions(interface).json)
        } catch {
            release(hostDevice: name)
            throw error
        }
    }

    /// Takes an interface away from the guest, and closes its TAP.
    public func unplugInterface(_ id: String, at place: Int) throws(MachineFault) {
        try deleteDevice("net\(place)")
        network?.release(id)
        guard let number = tapNumbers.removeValue(forKey: id) else { return release(hostDevice: "tap\(place)") }
        // Nothing else may take the number meanwhile, and only processors make QEMU open something.
        if !isPaused { try runCommand("stop") }
        release(hostDevice: "tap\(place)")
        occupy(number)
        if !isPaused { try runCommand("cont") }
    }

    /// Puts something that does nothing in the place of a descriptor of QEMU, which has just closed it. QEMU may not write to that number
    /// as long as it lives (``QEMUCommandLine/tapDescriptors``), so no other file may get it.
    private func occupy(_ number: Int32) {
        guard let null = try? Descriptor.open("/dev/null", O_RDWR) else { return }
        for trial in 0..<64 where !File.exists("/proc/\(processID)/fd/\(number)") {
            let name = JSONValue.string("occupied\(number)n\(trial)")
            _ = try? runCommand("getfd", .members(["fdname": name]), passing: null.rawValue)
        }
    }

    /// Removes a device, which is gone when this returns.
    private func deleteDevice(_ device: String) throws(MachineFault) {
        do throws(QMPError) {
            try process.monitor.execute("device_del", .members(["id": .string(device)]))
        } catch {
            // The guest has given up one that it did not want to at first.
            if case .refused(_, let reason) = error, reason.contains("not found") { return }
            throw MachineFault(error.description)
        }
        let list = try runCommand("qom-list", .members(["path": .string("/machine/peripheral")]))
        if case .array(let left) = list, left.contains(where: { $0["name"]?.text == device }) {
            // QEMU has asked the guest then.
            throw MachineFault(
                "The guest has taken over the bus's hot-plug controller, and has not given up the device: let it do so, "
                    + "and try again.")
        }
        do throws(QMPError) {
            // What it stands on is free when no processor can be using it any more.
            try process.monitor.awaitEvent(timeout: .seconds(10)) {
                $0.name == "DEVICE_DELETED" && $0.data["device"]?.text == device
            }
        } catch {
            throw MachineFault(error.description)
        }
    }

    /// Forgets all of a drive's nodes that are there.
    private func release(_ nodes: DriveNodes) {
        if nodes.isVhostUser {
            releaseUnused("chardev-remove", .members(["id": .string(nodes.channel)]))
            _ = try? runCommand("closefd", .members(["fdname": .string(nodes.channel)]))
            return
        }
        releaseUnused("blockdev-del", .members(["node-name": .string(nodes.filterName)]))
        discard(nodes)
        _ = try? runCommand("object-del", .members(["id": .string(nodes.groupName)]))
    }

    /// A device that is gone may hold what it stood on for some milliseconds more.
    private func releaseUnused(_ command: String, _ arguments: JSONValue) {
        for _ in 0..<100 {
            do throws(MachineFault) {
                try runCommand(command, arguments)
                return
            } catch {
                guard ["in use", "is busy"].contains(where: error.description.contains) else { return }
                usleep(2000)
            }
        }
    }

    private func release(hostDevice name: String) {
        _ = try? runCommand("netdev_del", .members(["id": .string(name)]))
        _ = try? runCommand("closefd", .members(["fdname": .string(name)]))
    }
}
