internal import FirecrackerAPI

/// A configuration with every file found: what the VMM is told.
struct BootPlan: Sendable {
    var bootSource: BootSource
    var machineConfig: MachineConfig
    var drives: [Drive]

    /// The context id of the guest. It names the guest to itself alone: on the host a VM's vsock is a Unix socket of its own.
    static let contextID: UInt32 = 3

    /// The requests that make a VM of it, in order; the last one starts it.
    func requests(vsockPath: String) -> [APIRequest] {
        [.putMachineConfig(machineConfig), .putBootSource(bootSource)]
            + drives.map { .putDrive($0) }
            + [
                .putVsock(VsockConfig(guestCid: Self.contextID, udsPath: vsockPath)),
                .putEntropy(EntropyConfig()),
                .performAction(.instanceStart),
            ]
    }
}
