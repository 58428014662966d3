/// The whole API: everything that can be asked of a VMM, with what goes along.
public enum APIRequest: Hashable, Sendable {
    // MARK: The VMM and the VM as a whole

    /// `GET /`: name, state and version.
    case getInstanceInfo
    /// `GET /version`.
    case getVersion
    /// All that was configured.
    case getVMConfiguration
    /// `PUT /actions`.
    case performAction(InstanceAction)
    /// `PATCH /vm`: pauses or resumes the vCPUs.
    case setVMState(VMState)

    // MARK: What is booted

    /// `PUT /boot-source`.
    case putBootSource(BootSource)
    /// `GET /machine-config`.
    case getMachineConfig
    /// `PUT /machine-config`.
    case putMachineConfig(MachineConfig)
    /// `PATCH /machine-config`: what is nil stays.
    case patchMachineConfig(MachineConfigUpdate)
    /// `PUT /cpu-config`.
    case putCPUConfig(CPUConfig)

    // MARK: Devices

    /// Before the start: adds or replaces. Afterwards: plugs in (PCI only).
    case putDrive(Drive)
    /// `PATCH /drives/{drive_id}`: another file, another limit.
    case patchDrive(DriveUpdate)
    /// Unplugs, after the start (PCI only).
    case deleteDrive(id: String)
    /// Before the start: adds or replaces. Afterwards: plugs in (PCI only).
    case putPmem(Pmem)
    /// `PATCH /pmem/{id}`: another limit.
    case patchPmem(PmemUpdate)
    /// Unplugs, after the start (PCI only).
    case deletePmem(id: String)
    /// Before the start: adds or replaces. Afterwards: plugs in (PCI only).
    case putNetworkInterface(NetworkInterface)
    /// `PATCH /network-interfaces/{iface_id}`: other limits.
    case patchNetworkInterface(NetworkInterfaceUpdate)
    /// Unplugs, after the start (PCI only).
    case deleteNetworkInterface(id: String)
    /// `PUT /vsock`.
    case putVsock(VsockConfig)
    /// `PUT /entropy`.
    case putEntropy(EntropyConfig)
    /// `PUT /serial`: where the serial console prints to.
    case putSerial(SerialConfig)

    // MARK: Memory

    /// `GET /balloon`.
    case getBalloon
    /// `PUT /balloon`.
    case putBalloon(BalloonConfig)
    /// `PATCH /balloon`: another target.
    case patchBalloon(BalloonUpdate)
    /// `GET /balloon/statistics`.
    case getBalloonStatistics
    /// `PATCH /balloon/statistics`: another interval.
    case patchBalloonStatistics(BalloonStatisticsUpdate)
    /// `GET /balloon/hinting/status`.
    case getBalloonHintingStatus
    /// `PATCH /balloon/hinting/start`.
    case startBalloonHinting(BalloonHintingStart)
    /// `PATCH /balloon/hinting/stop`.
    case stopBalloonHinting
    /// `GET /hotplug/memory`.
    case getMemoryHotplug
    /// `PUT /hotplug/memory`.
    case putMemoryHotplug(MemoryHotplugConfig)
    /// `PATCH /hotplug/memory`: another size.
    case patchMemoryHotplug(MemoryHotplugUpdate)

    // MARK: Metadata

    /// `GET /mmds`: the metadata store.
    case getMMDS
    /// `PUT /mmds`: a new metadata store.
    case putMMDS(JSONValue)
    /// JSON Merge Patch (RFC 7396).
    case patchMMDS(JSONValue)
    /// `PUT /mmds/config`.
    case putMMDSConfig(MMDSConfig)

    // MARK: Log and metrics

    /// `PUT /logger`.
    case putLogger(LoggerConfig)
    /// `PUT /metrics`.
    case putMetrics(MetricsConfig)

    // MARK: Snapshots

    /// Only of a paused VM.
    case createSnapshot(SnapshotCreate)
    /// Only into a VMM that has nothing configured. A failure ends the VMM.
    case loadSnapshot(SnapshotLoad)
}
