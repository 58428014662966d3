/// The whole API: everything that can be asked of a VMM, with what goes along.
public enum APIRequest: Hashable, Sendable {
    // MARK: The VMM and the VM as a whole

    case getInstanceInfo
    case getVersion
    /// All that was configured.
    case getVMConfiguration
    case performAction(InstanceAction)
    case setVMState(VMState)

    // MARK: What is booted

    case putBootSource(BootSource)
    case getMachineConfig
    case putMachineConfig(MachineConfig)
    case patchMachineConfig(MachineConfigUpdate)
    case putCPUConfig(CPUConfig)

    // MARK: Devices

    /// Before the start: adds or replaces. Afterwards: plugs in (PCI only).
    case putDrive(Drive)
    case patchDrive(DriveUpdate)
    /// Unplugs, after the start (PCI only).
    case deleteDrive(id: String)
    /// Before the start: adds or replaces. Afterwards: plugs in (PCI only).
    case putPmem(Pmem)
    case patchPmem(PmemUpdate)
    /// Unplugs, after the start (PCI only).
    case deletePmem(id: String)
    /// Before the start: adds or replaces. Afterwards: plugs in (PCI only).
    case putNetworkInterface(NetworkInterface)
    case patchNetworkInterface(NetworkInterfaceUpdate)
    /// Unplugs, after the start (PCI only).
    case deleteNetworkInterface(id: String)
    case putVsock(VsockConfig)
    case putEntropy(EntropyConfig)
    case putSerial(SerialConfig)

    // MARK: Memory

    case getBalloon
    case putBalloon(BalloonConfig)
    case patchBalloon(BalloonUpdate)
    case getBalloonStatistics
    case patchBalloonStatistics(BalloonStatisticsUpdate)
    case getBalloonHintingStatus
    case startBalloonHinting(BalloonHintingStart)
    case stopBalloonHinting
    case getMemoryHotplug
    case putMemoryHotplug(MemoryHotplugConfig)
    case patchMemoryHotplug(MemoryHotplugUpdate)

    // MARK: Metadata

    case getMMDS
    case putMMDS(JSONValue)
    /// JSON Merge Patch (RFC 7396).
    case patchMMDS(JSONValue)
    case putMMDSConfig(MMDSConfig)

    // MARK: Log and metrics

    case putLogger(LoggerConfig)
    case putMetrics(MetricsConfig)

    // MARK: Snapshots

    /// Only of a paused VM.
    case createSnapshot(SnapshotCreate)
    /// Only into a VMM that has nothing configured. A failure ends the VMM.
    case loadSnapshot(SnapshotLoad)
}
