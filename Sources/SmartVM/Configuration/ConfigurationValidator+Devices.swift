internal import FirecrackerAPI

extension ConfigurationValidator {
    mutating func check(drives: [VMConfig.Drive]) {
        for (index, drive) in drives.enumerated() {
            let path = ConfigurationPath.root.key("drives").element(index)
            check(id: drive.driveId, path.key("driveId"), unlike: drives[..<index].map(\.driveId))
            refuseEmpty(drive.socket, path.key("socket"))
            refuseEmpty(drive.pathOnHost, path.key("pathOnHost"))
            if drive.socket == nil {
                require(drive.pathOnHost != nil, path.key("pathOnHost"), "is required")
            } else {
                let reason = "must not be set together with socket"
                require(drive.pathOnHost == nil, path.key("pathOnHost"), reason)
                require(!drive.isReadOnly, path.key("isReadOnly"), reason)
                require(drive.ioEngine == nil, path.key("ioEngine"), reason)
                require(drive.rateLimiter == nil, path.key("rateLimiter"), reason)
            }
            // It becomes a word of the kernel's command line.
            require(
                drive.partuuid.map { !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } },
                path.key("partuuid"), "must be printable ASCII without spaces, and not empty")
            check(drive.rateLimiter, at: path.key("rateLimiter"))
        }
    }

    mutating func check(pmem devices: [VMConfig.Pmem]) {
        for (index, device) in devices.enumerated() {
            let path = ConfigurationPath.root.key("pmem").element(index)
            check(id: device.id, path.key("id"), unlike: devices[..<index].map(\.id))
            require(!device.pathOnHost.isEmpty, path.key("pathOnHost"), "is required")
            check(device.rateLimiter, at: path.key("rateLimiter"))
        }
    }

    /// One device at most, of either kind.
    mutating func check(rootDevicesOf config: VMConfig) {
        let root = ConfigurationPath.root
        let drives = config.drives.indices.filter { config.drives[$0].isRootDevice }.map { index in
            (device: root.key("drives").element(index), key: "isRootDevice")
        }
        let pmem = config.pmem.indices.filter { config.pmem[$0].rootDevice }.map { index in
            (device: root.key("pmem").element(index), key: "rootDevice")
        }
        let devices = drives + pmem
        for device in devices.dropFirst() {
            require(
                false, device.device.key(device.key), "must be false: \(devices[0].device) is the root device already")
        }
    }

    mutating func check(interfaces: [VMConfig.NetworkInterface]) {
        for (index, interface) in interfaces.enumerated() {
            let path = ConfigurationPath.root.key("networkInterfaces").element(index)
            let others = interfaces[..<index]
            check(id: interface.ifaceId, path.key("ifaceId"), unlike: others.map(\.ifaceId))
            if let name = interface.hostDevName {
                require(
                    Self.isInterfaceName(name), path.key("hostDevName"),
                    "must be the name of an interface: 1 to 15 bytes without white space, '/', ':' and '%'")
                require(
                    !others.contains { $0.hostDevName == name }, path.key("hostDevName"),
                    "must be unique: only one interface can use the TAP '\(name)'")
            }
            if let address = interface.guestMac { check(address, path.key("guestMac"), others: others) }
            check(interface.mtu, in: FirecrackerAPI.NetworkInterface.mtus, path.key("mtu"))
            check(interface.rxRateLimiter, at: path.key("rxRateLimiter"))
            check(interface.txRateLimiter, at: path.key("txRateLimiter"))
        }
    }

    private mutating func check(
        _ address: String, _ path: ConfigurationPath, others: some Sequence<VMConfig.NetworkInterface>
    ) {
        guard FirecrackerAPI.NetworkInterface.isMACAddress(address) else {
            return require(false, path, "must be six pairs of hexadecimal digits between colons")
        }
        let first = UInt8(address.prefix(2), radix: 16) ?? 0
        // Linux brings no interface up that has one of these.
        require(
            first & 1 == 0 && address != "00:00:00:00:00:00", path,
            "must be the address of one interface: not 00:00:00:00:00:00, and with an even first byte")
        require(
            !others.contains { $0.guestMac?.lowercased() == address.lowercased() }, path,
            "must be unique: another interface has \(address)")
    }

    /// As the kernel has it; `%` would be a pattern that makes a new name.
    private static func isInterfaceName(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                byte > 0x20 && byte != 0x7f && byte != UInt8(ascii: "/") && byte != UInt8(ascii: ":")
                    && byte != UInt8(ascii: "%")
            }
    }

    mutating func check(_ vsock: VMConfig.Vsock, at path: ConfigurationPath) {
        // 0 to 2 name the host, and the largest number means any.
        check(vsock.guestCid, in: 3...Int(UInt32.max) - 1, path.key("guestCid"))
        require(!vsock.udsPath.isEmpty, path.key("udsPath"), "is required")
        // Where the guest's connections to the agent's port arrive has five bytes more, of the 107 that a socket's path may have.
        require(vsock.udsPath.utf8.count <= 102, path.key("udsPath"), "must be at most 102 bytes")
    }

    mutating func check(
        _ mmds: VMConfig.MMDS, interfaces: [VMConfig.NetworkInterface], at path: ConfigurationPath
    ) {
        let list = path.key("networkInterfaces")
        require(!mmds.networkInterfaces.isEmpty, list, "must not be empty")
        for (index, id) in mmds.networkInterfaces.enumerated() {
            require(
                interfaces.contains { $0.ifaceId == id }, list.element(index),
                "must be the ifaceId of a network interface; there is no '\(id)'")
        }
        if let address = mmds.ipv4Address {
            require(
                MMDSConfig(networkInterfaces: [], ipv4Address: address).isLinkLocal, path.key("ipv4Address"),
                "must be an IPv4 address between 169.254.1.0 and 169.254.254.255")
        }
    }

    mutating func check(_ serial: VMConfig.Serial, at path: ConfigurationPath) {
        refuseEmpty(serial.serialOutPath, path.key("serialOutPath"))
        check(serial.rateLimiter, at: path.key("rateLimiter"))
    }
}
