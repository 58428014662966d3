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

    /// JSON, filled up with blanks to ``fileSize``. What is too long for that loses its end: what the checks have printed first, the longest of
    /// it most, then the oldest checks are left out, and then the end of the error.
    package var fileBytes: [UInt8] {
        var state = self
        var bytes = state.json(showsNulls: false)
        while bytes.count >= Self.fileSize, state.shorten() { bytes = state.json(showsNulls: false) }
        return bytes + [UInt8](repeating: 0x20, count: max(0, Self.fileSize - 1 - bytes.count)) + [0x0a]
    }

    /// - Returns: Whether there was something that could be left out.
    private mutating func shorten() -> Bool {
        if var log = health?.log, !log.isEmpty {
            let lengths = log.map(\.output.utf8.count)
            if let longest = lengths.indices.max(by: { lengths[$0] < lengths[$1] }), lengths[longest] > 0 {
                log[longest].output = log[longest].output.prefix(byParts: 1, of: 2)
            } else {
                log.removeFirst()
            }
            health?.log = log
            return true
        }
        guard let error else { return false }
        self.error = error.isEmpty ? nil : error.prefix(byParts: 3, of: 4)
        return true
    }
}

extension String {
    /// Its beginning. In scalars: a single character may be any number of them.
    fileprivate func prefix(byParts part: Int, of whole: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(unicodeScalars.count * part / whole)))
    }
}
