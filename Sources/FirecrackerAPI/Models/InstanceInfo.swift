/// The answer of `GET /`.
public struct InstanceInfo: WireModel {
    /// What `--id` gave.
    public var id: String
    /// Whether it runs.
    public var state: InstanceState
    /// The version of Firecracker whose API this is.
    public var vmmVersion: String
    /// `Firecracker`.
    public var appName: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(id: String, state: InstanceState, vmmVersion: String, appName: String) {
        self.id = id
        self.state = state
        self.vmmVersion = vmmVersion
        self.appName = appName
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "InstanceInfo", initial: InstanceInfo(id: "", state: .notStarted, vmmVersion: "", appName: ""),
        [
            .required("id", \.id),
            .required("state", \.state),
            .required("vmm_version", \.vmmVersion),
            .required("app_name", \.appName),
        ])
}

/// The answer of `GET /version`.
public struct VersionInfo: WireModel {
    /// The version of Firecracker whose API this is.
    public var firecrackerVersion: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(firecrackerVersion: String) {
        self.firecrackerVersion = firecrackerVersion
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "FirecrackerVersion", initial: VersionInfo(firecrackerVersion: ""),
        [
            .required("firecracker_version", \.firecrackerVersion)
        ])
}

/// Whether a microVM runs.
public enum InstanceState: String, WireEnum {
    /// It is configured, but does not run.
    case notStarted = "Not started"
    /// Its vCPUs run.
    case running = "Running"
    /// Its vCPUs are stopped and can go on.
    case paused = "Paused"
}
