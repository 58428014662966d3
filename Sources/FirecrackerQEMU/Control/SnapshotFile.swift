internal import Linux

/// The state file of a snapshot.
enum SnapshotFile {
    /// The format of Firecracker whose files are told apart from others.
    static let formatVersion = "v10.0.0"
    private static let checksumLength = 8

    /// Why the file cannot be loaded. One that Firecracker made holds the state of KVM's processors, which QEMU has no
    /// use for.
    static func problem(with path: String, host: any Host) -> String {
        let file: SharedDescriptor
        do throws(Errno) {
            file = try host.openFile(path, writable: false)
        } catch {
            return "Failed to open snapshot file: \(error.withNumber)"
        }
        let size = FileRange.size(file.descriptor.rawValue) ?? 0
        let reason =
            size < checksumLength
            ? "IO Error: File too short to contain CRC" : "smartvm-qemu cannot load the state that this file holds"
        return "Failed to load snapshot state from file: \(reason)"
    }

    /// Why the version of the file's format cannot be told.
    static func descriptionProblem(_ path: String, host: any Host) -> (sentence: String, debugText: String) {
        let file: SharedDescriptor
        do throws(Errno) {
            file = try host.openFile(path, writable: false)
        } catch {
            return (
                "Unable to open snapshot state file: \(error.withNumber)",
                "PrintSnapshotDataFormat(OpenSnapshot(\(error.debugText)))"
            )
        }
        let isShort = (FileRange.size(file.descriptor.rawValue) ?? 0) < checksumLength
        let reason = isShort ? "IO Error: File too short to contain CRC" : "smartvm-qemu cannot read this file's format"
        return (
            "Invalid data format version of snapshot file: \(reason)",
            isShort
                ? "PrintSnapshotDataFormat(SnapshotVersion(Io(Custom { kind: UnexpectedEof, "
                    + "error: \"File too short to contain CRC\" })))"
                : "PrintSnapshotDataFormat(SnapshotVersion(InvalidFormat))"
        )
    }
}
