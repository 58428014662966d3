/// The body of `PUT /snapshot/load`.
public struct SnapshotLoad: WireModel {
    /// The file with the state.
    public var snapshotPath: String
    /// Deprecated: the file with the memory. Give ``memBackend``.
    public var memFilePath: String?
    /// Where the memory comes from.
    public var memBackend: MemoryBackend?
    /// Deprecated: the same as ``trackDirtyPages``.
    public var enableDiffSnapshots: Bool
    /// Whether writes are tracked, for diff snapshots.
    public var trackDirtyPages: Bool
    /// Whether the vCPUs run at once.
    public var resumeVm: Bool
    /// Other TAPs than those of the snapshot.
    public var networkOverrides: [NetworkOverride]
    /// Another socket than that of the snapshot.
    public var vsockOverride: VsockOverride?
    /// Whether the guest's clock is moved on by the time that passed (x86_64).
    public var clockRealtime: Bool

    /// Each parameter sets the property of its name, which says what it means.
    public init(
        snapshotPath: String, memFilePath: String? = nil, memBackend: MemoryBackend? = nil,
        enableDiffSnapshots: Bool = false, trackDirtyPages: Bool = false, resumeVm: Bool = false,
        networkOverrides: [NetworkOverride] = [], vsockOverride: VsockOverride? = nil, clockRealtime: Bool = false
    ) {
        self.snapshotPath = snapshotPath
        self.memFilePath = memFilePath
        self.memBackend = memBackend
        self.enableDiffSnapshots = enableDiffSnapshots
        self.trackDirtyPages = trackDirtyPages
        self.resumeVm = resumeVm
        self.networkOverrides = networkOverrides
        self.vsockOverride = vsockOverride
        self.clockRealtime = clockRealtime
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "LoadSnapshotConfig", initial: SnapshotLoad(snapshotPath: ""),
        [
            .required("snapshot_path", \.snapshotPath, .path),
            .optional("mem_file_path", \.memFilePath, .path),
            .optional("mem_backend", \.memBackend),
            .sparse("enable_diff_snapshots", \.enableDiffSnapshots, default: false),
            .sparse("track_dirty_pages", \.trackDirtyPages, default: false),
            .defaulted("resume_vm", \.resumeVm),
            .sparse("network_overrides", \.networkOverrides, default: []),
            .optional("vsock_override", \.vsockOverride),
            .sparse("clock_realtime", \.clockRealtime, default: false),
        ])
}

/// Where a restored VM's memory comes from.
public struct MemoryBackend: WireModel {
    /// The file, or the socket of the page fault handler.
    public var backendPath: String
    /// What the path is.
    public var backendType: MemoryBackendType

    /// Each parameter sets the property of its name, which says what it means.
    public init(backendPath: String, backendType: MemoryBackendType) {
        self.backendPath = backendPath
        self.backendType = backendType
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "MemBackendConfig", initial: MemoryBackend(backendPath: "", backendType: .file),
        [
            .required("backend_path", \.backendPath, .path),
            .required("backend_type", \.backendType),
        ])
}

/// Another TAP for one interface of a snapshot.
public struct NetworkOverride: WireModel {
    /// The interface.
    public var ifaceId: String
    /// The TAP.
    public var hostDevName: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(ifaceId: String, hostDevName: String) {
        self.ifaceId = ifaceId
        self.hostDevName = hostDevName
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "NetworkOverride", initial: NetworkOverride(ifaceId: "", hostDevName: ""), ignoresUnknownFields: true,
        [
            .required("iface_id", \.ifaceId),
            .required("host_dev_name", \.hostDevName),
        ])
}

/// Another socket for the vsock device of a snapshot.
public struct VsockOverride: WireModel {
    /// The Unix socket.
    public var udsPath: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(udsPath: String) {
        self.udsPath = udsPath
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "VsockOverride", initial: VsockOverride(udsPath: ""), ignoresUnknownFields: true,
        [
            .required("uds_path", \.udsPath)
        ])
}

/// What a memory backend's path is.
public enum MemoryBackendType: String, WireEnum {
    /// A file.
    case file = "File"
    /// The socket of a process that serves page faults: userfaultfd(2).
    case uffd = "Uffd"
}
