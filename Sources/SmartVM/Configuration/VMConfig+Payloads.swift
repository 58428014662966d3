public import FirecrackerAPI

/// What Firecracker's API is sent. A number that does not fit becomes the nearest one that does: ``VMConfig/validate()`` comes first.
extension VMConfig {
    /// The body of `PUT /boot-source`. Without a kernel, which only a configuration with an image may lack, its path is empty.
    public func toBootSourcePayload() -> FirecrackerAPI.BootSource {
        .init(
            kernelImagePath: bootSource?.kernelImagePath ?? "", initrdPath: bootSource?.initrdPath,
            bootArgs: bootSource?.bootArgs)
    }

    /// The body of `PUT /machine-config`.
    public func toMachineConfigPayload() -> FirecrackerAPI.MachineConfig {
        .init(
            vcpuCount: UInt8(clamping: machineConfig.vcpuCount), memSizeMib: UInt(clamping: machineConfig.memSizeMib),
            smt: machineConfig.smt, cpuTemplate: machineConfig.cpuTemplate,
            trackDirtyPages: machineConfig.trackDirtyPages, hugePages: machineConfig.hugePages)
    }

    /// The body of `PUT /cpu-config`; nil if nothing is to be changed.
    public func toCpuConfigPayload() -> FirecrackerAPI.CPUConfig? {
        cpuConfig
    }

    /// The body of `PUT /drives/{drive_id}`.
    public func toDrivePayload(_ drive: Drive) -> FirecrackerAPI.Drive {
        .init(
            driveId: drive.driveId, isRootDevice: drive.isRootDevice, partuuid: drive.partuuid,
            cacheType: drive.cacheType ?? .unsafe,
            // A vhost-user back end decides this itself, and Firecracker wants to hear nothing of it.
            isReadOnly: drive.socket == nil ? drive.isReadOnly : nil, pathOnHost: drive.pathOnHost,
            rateLimiter: drive.rateLimiter?.payload, ioEngine: drive.ioEngine, socket: drive.socket)
    }

    /// The body of `PUT /pmem/{id}`.
    public func toPmemPayload(_ device: Pmem) -> FirecrackerAPI.Pmem {
        .init(
            id: device.id, pathOnHost: device.pathOnHost, rootDevice: device.rootDevice, readOnly: device.readOnly,
            rateLimiter: device.rateLimiter?.payload)
    }

    /// The body of `PUT /network-interfaces/{iface_id}`. The TAP's name is empty until there is one.
    public func toNetworkInterfacePayload(_ interface: NetworkInterface) -> FirecrackerAPI.NetworkInterface {
        .init(
            ifaceId: interface.ifaceId, hostDevName: interface.hostDevName ?? "",
            guestMac: interface.guestMac?.lowercased(), mtu: interface.mtu.map { UInt16(clamping: $0) },
            rxRateLimiter: interface.rxRateLimiter?.payload, txRateLimiter: interface.txRateLimiter?.payload)
    }

    /// The body of `PUT /vsock`; nil if none is configured.
    public func toVsockPayload() -> VsockConfig? {
        vsock.map { .init(guestCid: UInt32(clamping: $0.guestCid), udsPath: $0.udsPath) }
    }

    /// The body of `PUT /balloon`; nil if none is configured.
    public func toBalloonPayload() -> BalloonConfig? {
        balloon.map {
            .init(
                amountMib: UInt32(clamping: $0.amountMib), deflateOnOom: $0.deflateOnOom,
                statsPollingIntervalS: UInt16(clamping: $0.statsPollingIntervalS), freePageHinting: $0.freePageHinting,
                freePageReporting: $0.freePageReporting)
        }
    }

    /// The body of `PUT /hotplug/memory`; nil if none is configured.
    public func toMemoryHotplugPayload() -> MemoryHotplugConfig? {
        memoryHotplug.map {
            .init(
                totalSizeMib: UInt(clamping: $0.totalSizeMib), blockSizeMib: UInt(clamping: $0.blockSizeMib),
                slotSizeMib: UInt(clamping: $0.slotSizeMib))
        }
    }

    /// The body of `PUT /entropy`; nil if nothing was said about it.
    public func toEntropyPayload() -> EntropyConfig? {
        entropy.map { .init(rateLimiter: $0.rateLimiter?.payload) }
    }

    /// The body of `PUT /mmds/config`; nil if none is configured.
    public func toMmdsConfigPayload() -> MMDSConfig? {
        mmds.map {
            .init(
                networkInterfaces: $0.networkInterfaces, version: $0.version ?? .v1, ipv4Address: $0.ipv4Address,
                imdsCompat: $0.imdsCompat)
        }
    }

    /// The body of `PUT /serial`; nil if none is configured.
    public func toSerialPayload() -> SerialConfig? {
        serial.map { .init(serialOutPath: $0.serialOutPath, rateLimiter: $0.rateLimiter?.payload) }
    }

    /// The body of `PUT /metrics`; nil if none is configured.
    public func toMetricsPayload() -> MetricsConfig? {
        metrics.map { .init(metricsPath: $0.metricsPath) }
    }

    /// The body of `PUT /logger`; nil if none is configured.
    public func toLoggerPayload() -> LoggerConfig? {
        logger.map {
            .init(
                logPath: $0.logPath, level: $0.level, showLevel: $0.showLevel, showLogOrigin: $0.showLogOrigin,
                module: $0.module)
        }
    }
}

extension VMConfig.RateLimiter {
    /// As Firecracker's API takes it.
    var payload: FirecrackerAPI.RateLimiter {
        .init(bandwidth: bandwidth?.payload, ops: ops?.payload)
    }
}

extension VMConfig.TokenBucket {
    /// As Firecracker's API takes it.
    var payload: FirecrackerAPI.TokenBucket {
        .init(
            size: UInt64(clamping: size), refillTime: UInt64(clamping: refillTime),
            oneTimeBurst: oneTimeBurst.map { UInt64(clamping: $0) })
    }
}
