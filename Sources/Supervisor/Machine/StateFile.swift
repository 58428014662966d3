internal import FirecrackerAPI
internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// Where the state of a VM is written down: ``LifeState/fileBytes`` says how it survives a full disk.
final class StateFile {
    private let path: String
    private let spare: String

    /// - Parameter directory: The VM's. What an earlier life has left there is used again.
    init(in directory: String) {
        path = "\(directory)/\(LifeState.fileName)"
        spare = "\(directory)/\(LifeState.spareName)"
    }

    /// What was written last, if that can be read.
    func read() -> LifeState? {
        guard let bytes = try? File.read(path, limit: 1 << 20) else { return nil }
        return try? LifeState(decoding: bytes, skipsUnknownFields: true)
    }

    /// Puts a state in the place of the last one.
    ///
    /// - Throws: `noSpace` only if it is the first, or the file system copies on write.
    func write(_ state: LifeState) throws(Errno) {
        let bytes = state.fileBytes
        try overwriteSpare(bytes)
        do throws(Errno) {
            try File.exchange(spare, with: path)
        } catch {
            // There was none yet, or the file system cannot do that: then a new spare takes the room of the old file.
            try File.move(spare, to: path)
            try overwriteSpare(bytes)
        }
    }

    private func overwriteSpare(_ bytes: [UInt8]) throws(Errno) {
        let file = try Descriptor.open(spare, O_WRONLY | O_CREAT)
        try file.writeAll(bytes)
        // Whatever was there before: a reader refuses what follows a state.
        let number = file.rawValue
        try systemCall { ftruncate(number, off_t(bytes.count)) }
    }
}
