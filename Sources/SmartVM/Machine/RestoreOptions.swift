public import FirecrackerAPI

/// How a VM is restored from a snapshot.
public struct RestoreOptions: Sendable {
    /// Whether its vCPUs run at once. Default: true; otherwise the VM is paused then.
    public var resume: Bool
    /// Other TAPs for its network interfaces. Default: new ones where SmartVM made them for the VM that was snapshotted, else those that
    /// the snapshot names.
    public var networkOverrides: [NetworkOverride]
    /// Where the host's end of its vsock is to be. Default: in the VM's runtime directory.
    public var vsockOverride: VsockOverride?
    /// Whether the VMM notes which pages the guest writes, for later snapshots of the type `diff`. Default: false.
    public var trackDirtyPages: Bool
    /// Whether the guest's clock goes on by the time that has passed since the snapshot; x86-64 only. Default: false. The agent sets the
    /// clock in any case.
    public var clockRealtime: Bool
    /// How long the guest may take until it has its new identity. Default: 30 seconds.
    public var timeout: Duration
    /// Gets what the guest prints on its serial console, as it comes, on a thread of its own.
    public var console: (@Sendable ([UInt8]) -> Void)?

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        resume: Bool = true, networkOverrides: [NetworkOverride] = [], vsockOverride: VsockOverride? = nil,
        trackDirtyPages: Bool = false, clockRealtime: Bool = false, timeout: Duration = .seconds(30),
        console: (@Sendable ([UInt8]) -> Void)? = nil
    ) {
        self.resume = resume
        self.networkOverrides = networkOverrides
        self.vsockOverride = vsockOverride
        self.trackDirtyPages = trackDirtyPages
        self.clockRealtime = clockRealtime
        self.timeout = timeout
        self.console = console
    }
}
