/// The body of `PUT /snapshot/create`.
public struct SnapshotCreate: WireModel {
    /// All memory, or what changed.
    public var snapshotType: SnapshotType
    /// The file for the state.
    public var snapshotPath: String
    /// The file for the memory.
    public var memFilePath: String

    /// Each parameter sets the property of its name, which says what it means.
    public init(snapshotPath: String, memFilePath: String, snapshotType: SnapshotType = .full) {
        self.snapshotType = snapshotType
        self.snapshotPath = snapshotPath
        self.memFilePath = memFilePath
    }

    /// How it stands in JSON.
    public static let schema = Schema(
        "CreateSnapshotParams", initial: SnapshotCreate(snapshotPath: "", memFilePath: ""),
        [
            .defaulted("snapshot_type", \.snapshotType),
            .required("snapshot_path", \.snapshotPath, .path),
            .required("mem_file_path", \.memFilePath, .path),
        ])
}

/// How much memory a snapshot holds.
public enum SnapshotType: String, WireEnum {
    /// What changed since the snapshot before.
    case diff = "Diff"
    /// All of the memory.
    case full = "Full"
}
