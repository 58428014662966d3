internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// The ``ConnectionCopy`` of each VM that has something in networks: `networks/running/ID` in the data directory.
///
/// A file is written when the rows that it copies are there, and removed before they are: one that no row belongs to is that of a database
/// which was lost.
struct ConnectionCopies: Sendable {
    private static let limit = 1 << 20

    /// No network's directory has this name: those have a namespace in theirs.
    private let path: String

    init(dataDirectory: String) {
        path = "\(dataDirectory)/networks/running"
    }

    /// The ids of VMs that have one.
    func names() -> [String] { (try? FileTree.names(at: path)) ?? [] }

    /// - Returns: nil if there is none, or none of this VM.
    func copy(ofVM vm: String) -> ConnectionCopy? {
        guard let bytes = try? File.read("\(path)/\(vm)", limit: Self.limit),
            let copy = try? JSONDecoder().decode(ConnectionCopy.self, from: Data(bytes)), copy.vm == vm
        else { return nil }
        return copy
    }

    /// Writes one down in the place of an older one.
    ///
    /// - Throws: `NO_SPACE`, `DATA_DIRECTORY_UNUSABLE`.
    func write(_ copy: ConnectionCopy) throws(SmartVMError) {
        try DataDirectory.make(path)
        do {
            try File.replace("\(path)/\(copy.vm)", with: Array(try JSONEncoder().encode(copy)))
        } catch {
            throw error as? Errno == .noSpace
                ? .noSpace(at: path, underlying: error)
                : SmartVMError(
                    .dataDirectoryUnusable, "\(path)/\(copy.vm) cannot be written: \(error).",
                    cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
        }
    }

    func remove(ofVM vm: String) {
        try? FileTree.remove("\(path)/\(vm)")
    }
}
