internal import FirecrackerClient
internal import Glibc
internal import Linux

/// The names by which the guests of a network find each other: a directory with a file for each, which holds the address. The supervisors
/// of the network's VMs read them when they are asked.
///
/// A file is written when the lease that it speaks of is in the database, and removed before that goes: so a name never leads to the
/// address of another VM.
struct GuestNames: Sendable {
    /// Nil: nobody reads them, and none are written.
    let path: String?
    /// Where a file is written until it is whole.
    private let parent: String

    init(_ key: NetworkKey, in dataDirectory: String?) {
        parent = dataDirectory.map { "\($0)/networks/\(key.bridge)-\(key.namespace)" } ?? ""
        path = dataDirectory == nil ? nil : "\(parent)/names"
    }

    /// - Throws: `DATA_DIRECTORY_UNUSABLE`, `NO_SPACE`.
    func write(_ names: [String], address: UInt32) throws(SmartVMError) {
        guard let path, !names.isEmpty else { return }
        try DataDirectory.make(path)
        for name in names {
            let temporary = "\(parent)/\(name).new"
            do throws(Errno) {
                try File.write(Array("\(Subnet.text(address))\n".utf8), to: temporary)
                try File.move(temporary, to: "\(path)/\(name)")
            } catch {
                try? FileTree.remove(temporary)
                throw error == .noSpace
                    ? SmartVMError.noSpace(at: path, underlying: error)
                    : SmartVMError(
                        .dataDirectoryUnusable, "The name \(path)/\(name) cannot be written: \(error).",
                        cure: "Set SMARTVM_DATA_DIR to a directory that you can write.", underlying: error)
            }
        }
    }

    /// Removes files as far as they speak of the address: another VM may have got the name since.
    func remove(_ names: [String], address: UInt32) {
        guard let path else { return }
        let content = "\(Subnet.text(address))\n"
        for name in names where (try? File.readText("\(path)/\(name)", limit: 64)) == content {
            try? FileTree.remove("\(path)/\(name)")
        }
    }

    /// Removes the files of a network that is gone.
    func removeNames() {
        guard path != nil else { return }
        try? FileTree.removeAll(parent)
    }
}
