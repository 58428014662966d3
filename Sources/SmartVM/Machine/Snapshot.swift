public import FirecrackerAPI

/// A VM that was written to two files, from which any number of VMs can be started.
///
/// The drives are not in it: they must be at their paths when it is restored, as they were when it was made.
public struct Snapshot: Hashable, Sendable {
    /// The state of the machine: an absolute path.
    public var snapshotPath: String
    /// The guest's memory: an absolute path. VMs that were restored map it, so it must not change while they run.
    public var memFilePath: String
    /// Whether the memory file is whole, or holds only what has changed.
    public var snapshotType: SnapshotType
    /// What the VM was made of; nil if that is not known.
    public var config: VMConfig?
    /// Whether it has a vsock device, which then is given a socket of the new VM's own.
    public var hasVsock: Bool
    /// Whether an agent in the guest says hello, and takes the new VM's identity.
    public var hasAgent: Bool

    /// Names the files of a snapshot that was made by other means.
    public init(
        snapshotPath: String, memFilePath: String, snapshotType: SnapshotType = .full, config: VMConfig? = nil,
        hasVsock: Bool = true, hasAgent: Bool = true
    ) {
        self.snapshotPath = HostPath.absolute(snapshotPath)
        self.memFilePath = HostPath.absolute(memFilePath)
        self.snapshotType = snapshotType
        self.config = config
        self.hasVsock = hasVsock
        self.hasAgent = hasAgent
    }
}
