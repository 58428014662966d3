internal import FirecrackerAPI

/// The file that a state is kept in.
///
/// Theory of operation. The end of a VM must be told also when the disk is full: that is when VMs end for bad reasons. So room for it is taken
/// when a life begins, and never given back: two files of one size, `state.json` and its spare. A new state is written over the spare,
/// whose blocks are its own already, and then the two change places at once (renameat2(2) with RENAME_EXCHANGE), which needs no block either. A
/// reader finds a whole state under the name. Its bytes are never overwritten while they have that name, but a reader that is slow may
/// still be reading when they have become the spare and are written over: it reads twice, and believes what is the same.
/// (A file system that copies on write needs a block even so. There a full disk may keep the end from being told, and the supervisor's log says so.)
extension LifeState {
    /// Bytes of the file: one block of most file systems.
    package static let fileSize = 4096
    /// Beside ``fileName``.
    package static let spareName = "\(fileName).spare"

    /// JSON, filled up with blanks to ``fileSize``. An error that is too long for that loses its end.
    package var fileBytes: [UInt8] {
        var state = self
        var bytes = state.json(showsNulls: false)
        while bytes.count >= Self.fileSize, let error = state.error, !error.isEmpty {
            state.error = error.count > 1 ? String(error.prefix(error.count * 3 / 4)) : nil
            bytes = state.json(showsNulls: false)
        }
        return bytes + [UInt8](repeating: 0x20, count: max(0, Self.fileSize - 1 - bytes.count)) + [0x0a]
    }
}
