internal import FirecrackerClient
internal import FoundationEssentials
internal import Linux

/// What of a sandbox's row stands nowhere else, written into its directory as `vm.json`: a database that is lost, or has lost its newest rows with
/// its journal, can so be filled again from what is on the disk.
struct RowCopy: Codable, Hashable, Sendable {
    static let fileName = "vm.json"

    var id: String
    var name: String
    var machineID: String
    /// Nanoseconds since 1970.
    var createdAt: Int64
    /// As ``SandboxConfig`` writes it.
    var config: String
    var image: String
    var command: String

    init(_ record: VMRecord) {
        id = record.id
        name = record.name
        machineID = record.machineID
        createdAt = record.createdAt
        config = record.config
        image = record.image
        command = record.command
    }

    /// - Returns: nil if there is none, or none of this sandbox.
    init?(in directory: SandboxDirectory, id: String) {
        guard let bytes = try? File.read("\(directory.path)/\(Self.fileName)", limit: 16 << 20),
            let copy = try? JSONDecoder().decode(RowCopy.self, from: Data(bytes)), copy.id == id
        else { return nil }
        self = copy
    }

    /// Writes it down in the place of an older one.
    func write(to directory: SandboxDirectory) throws(SmartVMError) {
        let path = "\(directory.path)/\(Self.fileName)"
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try File.replace(path, with: Array(try encoder.encode(self)) + [0x0a])
        } catch {
            throw error as? Errno == .noSpace
                ? .noSpace(at: path, underlying: error)
                : SmartVMError(.dataDirectoryUnusable, "\(path) cannot be written: \(error).", underlying: error)
        }
    }

    /// The row, of a sandbox that does not run.
    var record: VMRecord {
        VMRecord(
            id: id, name: name, phase: .idle, config: config, image: image, command: command, machineID: machineID,
            createdAt: createdAt)
    }
}
