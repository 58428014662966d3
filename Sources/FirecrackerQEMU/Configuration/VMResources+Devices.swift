internal import FirecrackerAPI
internal import Linux

extension VMResources {
    mutating func setDrive(_ new: Drive) throws(APIFault) {
        if new.isRootDevice, pmem.contains(where: \.rootDevice) {
            throw APIFault(
                "Drive config error: Attempt to add block as a root device while the root device defined as a pmem device"
            )
        }
        let position = drives.firstIndex { $0.config.driveId == new.driveId }
        if new.isRootDevice, drives.first?.config.isRootDevice == true, position != 0 {
            throw APIFault("Drive config error: A root block device already exists!")
        }
        let drive = try openBlock(new)
        switch (position, new.isRootDevice) {
        case (let index?, let isRoot):
            drives[index] = drive
            if isRoot { drives.swapAt(0, index) }
        case (nil, true): drives.insert(drive, at: 0)
        case (nil, false): drives.append(drive)
        }
    }

    /// The drive with its defaults filled in, and its file.
    func openBlock(_ drive: Drive) throws(APIFault) -> Block {
        let failure = "Drive config error: Unable to create the virtio block device: "
        var drive = drive
        switch (drive.pathOnHost, drive.socket) {
        case (let path?, nil):
            drive.isReadOnly = drive.isReadOnly ?? false
            drive.ioEngine = drive.ioEngine ?? .sync
            drive.rateLimiter = drive.rateLimiter?.effective
            do throws(Errno) {
                return Block(config: drive, file: try host.openFile(path, writable: drive.isReadOnly != true))
            } catch {
                throw APIFault(failure + "Virtio backend error: Error manipulating the backing file", error, " \(path)")
            }
        case (nil, let socket?)
        where drive.isReadOnly == nil && drive.ioEngine == nil && drive.rateLimiter == nil:
            do throws(Errno) {
                return Block(config: drive, file: try host.connectToSocket(socket))
            } catch {
                throw APIFault(
                    failure + "Vhost user backend error: Vhost-user error: Failed to connect to UDS Unix stream", error)
            }
        default:
            throw APIFault(failure + "Invalid block config.")
        }
    }

    mutating func setPmem(_ new: Pmem) throws(APIFault) {
        if new.rootDevice, drives.contains(where: \.config.isRootDevice) {
            throw APIFault(
                "Pmem config error: Attempt to add pmem as a root device while the root device defined as a block device"
            )
        }
        let position = pmem.firstIndex { $0.id == new.id }
        let isRootAlready = position.map { pmem[$0].rootDevice } ?? false
        if new.rootDevice, !isRootAlready, pmem.contains(where: \.rootDevice) {
            throw APIFault("Pmem config error: A root pmem device already exist")
        }
        if let position { pmem[position] = new } else { pmem.append(new) }
    }

    mutating func setNetworkInterface(_ new: NetworkInterface) throws(APIFault) {
        try checkMACAddress(new)
        if let index = interfaces.firstIndex(where: { $0.config.ifaceId == new.ifaceId }) {
            // The last takes its place; its TAP is free again before the new one is opened.
            interfaces.swapAt(index, interfaces.count - 1)
            interfaces.removeLast()
        }
        interfaces.append(try openInterface(new))
    }

    func checkMACAddress(_ new: NetworkInterface) throws(APIFault) {
        guard let mac = new.guestMac,
            interfaces.contains(where: { $0.config.guestMac == mac && $0.config.ifaceId != new.ifaceId })
        else { return }
        throw APIFault("Network config error: The MAC address is already in use: \(mac)")
    }

    func openInterface(_ new: NetworkInterface) throws(APIFault) -> Interface {
        let failure = "Network config error: Could not create the network device: "
        var config = new
        config.rxRateLimiter = new.rxRateLimiter?.effective
        config.txRateLimiter = new.txRateLimiter?.effective
        if let mtu = new.mtu, !NetworkInterface.mtus.contains(Int(mtu)) {
            throw APIFault(failure + "MTU \(mtu) is out of range [68, 65535]")
        }
        do throws(Errno) {
            return Interface(config: config, tap: try host.openTap(new.hostDevName))
        } catch .nameTooLong {
            throw APIFault(failure + "Open tap device failed: Invalid interface name")
        } catch {
            throw APIFault(
                failure + "Open tap device failed: Error while creating ifreq structure", error,
                ". Invalid TUN/TAP Backend provided by \(new.hostDevName). Check our documentation on setting up the "
                    + "network devices.")
        }
    }

    mutating func setVsock(_ new: VsockConfig) throws(APIFault) {
        let failure =
            "Vsock config error: Cannot create backend for vsock device: Error binding to the host-side Unix socket"
        do throws(Errno) {
            if let old = vsock {
                vsock = nil
                try host.removeFile(old.config.udsPath)
            }
            vsock = Vsock(
                config: VsockConfig(guestCid: new.guestCid, udsPath: new.udsPath),
                listener: try host.listenOnSocket(new.udsPath))
        } catch .nameTooLong {
            throw APIFault(failure + ": path must be shorter than SUN_LEN")
        } catch {
            throw APIFault(failure, error)
        }
    }

    mutating func setMetadataConfig(_ new: MMDSConfig) throws(APIFault) {
        guard new.isLinkLocal else { throw APIFault("MMMDS config error: The MMDS IPv4 address is not link local.") }
        guard !new.networkInterfaces.isEmpty else {
            throw APIFault(
                "MMMDS config error: The list of network interface IDs that allow forwarding MMDS requests is empty.")
        }
        guard new.networkInterfaces.allSatisfy({ id in interfaces.contains { $0.config.ifaceId == id } }) else {
            throw APIFault(
                "MMMDS config error: The list of network interface IDs provided contains at least one ID that does not "
                    + "correspond to any existing network interface.")
        }
        for index in interfaces.indices {
            let isServed = new.networkInterfaces.contains(interfaces[index].config.ifaceId)
            interfaces[index].metadataAddress = isServed ? new.ipv4Address ?? MMDSConfig.defaultIPv4Address : nil
        }
        metadata.version = new.version
        metadata.isIMDSCompatible = new.imdsCompat
    }
}
