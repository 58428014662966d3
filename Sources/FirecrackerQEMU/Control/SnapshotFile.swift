internal import FirecrackerAPI
internal import Linux

/// The state file of a snapshot on disk.
enum SnapshotFile {
    /// Reads and checks it.
    ///
    /// - Throws: What follows `Failed to get snapshot state from file: `.
    static func read(_ path: String, host: any Host) throws(MachineFault) -> SnapshotState {
        let file: SharedDescriptor
        do throws(Errno) {
            file = try host.openFile(path, writable: false)
        } catch {
            throw MachineFault("Failed to open snapshot file", error)
        }
        do throws(Refusal) {
            return try SnapshotState(decoding: try bytes(of: file))
        } catch {
            throw MachineFault("Failed to load snapshot state from file: \(error.sentence)")
        }
    }

    /// Why the version of the file's format cannot be told; nil if it is the one that this program writes.
    static func descriptionProblem(_ path: String, host: any Host) -> (sentence: String, debugText: String)? {
        let file: SharedDescriptor
        do throws(Errno) {
            file = try host.openFile(path, writable: false)
        } catch {
            return (
                "Unable to open snapshot state file: \(error.withNumber)",
                "PrintSnapshotDataFormat(OpenSnapshot(\(error.debugText)))"
            )
        }
        do throws(Refusal) {
            try SnapshotState.check(try bytes(of: file))
            return nil
        } catch {
            return (
                "Invalid data format version of snapshot file: \(error.sentence)",
                "PrintSnapshotDataFormat(SnapshotVersion(\(error.debugText)))"
            )
        }
    }

    private typealias Refusal = SnapshotState.Refusal

    private static func bytes(of file: SharedDescriptor) throws(Refusal) -> [UInt8] {
        do throws(Errno) {
            let size = FileRange.size(file.descriptor.rawValue) ?? 0
            guard size <= SnapshotState.sizeLimit else { throw .fileTooLarge }
            return try file.descriptor.read(at: 0, upTo: Int(size))
        } catch {
            throw .unreadable(error.withNumber)
        }
    }
}
