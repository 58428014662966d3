internal import FirecrackerAPI

/// A configuration with every file found: what the VMM is told.
///
/// Its paths are absolute, since the VMM works in a directory of its own. An interface for which the configuration names no TAP has an
/// empty `hostDevName` here: whoever makes the TAP fills it in, and the address if there is none, before the requests are taken.
struct BootPlan: Sendable {
    var bootSource: BootSource
    var machineConfig: MachineConfig
    var cpuConfig: CPUConfig?
    var drives: [Drive]
    var pmem: [Pmem]
    var networkInterfaces: [NetworkInterface]
    /// The guest's context id. It names the guest to itself alone: on the host a VM's vsock is a Unix socket of its own.
    var guestCid: UInt32
    /// Where the configuration wants the vsock's socket; nil: wherever the caller of ``requests(vsockPath:)`` does.
    var vsockPath: String?
    var balloon: BalloonConfig?
    var memoryHotplug: MemoryHotplugConfig?
    var entropy: EntropyConfig
    var mmds: MMDSConfig?
    var serial: SerialConfig?
    var metrics: MetricsConfig?
    var logger: LoggerConfig?
    /// Whether the guest runs the agent: it does with an image's initramfs, and must with one of the user's own. A kernel and a root file
    /// system alone are a guest that nothing is known of.
    var hasAgent: Bool
    /// Keeps the image's files for as long as a VM runs from them.
    var imageUse: BaseImageUse?

    /// The requests that make a VM of it, in order; the last one starts it.
    func requests(vsockPath: String) -> [APIRequest] {
        var requests: [APIRequest] = []
        // First, so that the rest is in the log.
        if let logger { requests.append(.putLogger(logger)) }
        if let metrics { requests.append(.putMetrics(metrics)) }
        requests += [.putMachineConfig(machineConfig), .putBootSource(bootSource)]
        if let cpuConfig { requests.append(.putCPUConfig(cpuConfig)) }
        requests += drives.map { .putDrive($0) }
        requests += pmem.map { .putPmem($0) }
        requests += networkInterfaces.map { .putNetworkInterface($0) }
        requests.append(.putVsock(VsockConfig(guestCid: guestCid, udsPath: vsockPath)))
        // After the memory, which limits it.
        if let balloon { requests.append(.putBalloon(balloon)) }
        if let memoryHotplug { requests.append(.putMemoryHotplug(memoryHotplug)) }
        requests.append(.putEntropy(entropy))
        // After the interfaces, which it names.
        if let mmds { requests.append(.putMMDSConfig(mmds)) }
        if let serial { requests.append(.putSerial(serial)) }
        requests.append(.performAction(.instanceStart))
        return requests
    }
}
