internal import Glibc
public import GuestProtocol
internal import Linux

/// What the host's side does on a connection besides packing and unpacking.
extension FileConnection {
    /// How the transfer ended. Data that are still to come are dropped.
    ///
    /// - Throws: `peer` if the guest has failed.
    public func receiveSummary() throws(TransferError) -> FileSummary {
        let message = try nextMessage()
        guard case .finished(let summary) = message else {
            throw .garbage(.unexpectedFrame(type: message.frameType.rawValue))
        }
        return summary
    }

    /// Sends bytes as they are.
    public func sendData(_ bytes: [UInt8]) throws(TransferError) {
        try write(bytes)
    }

    /// Sends all that can be read from a descriptor that blocks, which stays its owner's.
    public func sendAll(from descriptor: Int32) throws(TransferError) {
        while true {
            let room = try room()
            let count = try attempt(Self.shown(descriptor)) { () throws(Errno) in
                try systemCall { Glibc.read(descriptor, room.baseAddress, room.count) }
            }
            if count == 0 { return }
            try commit(count)
        }
    }

    /// Writes all data that come to a descriptor that blocks, which stays its owner's.
    public func receiveAll(to descriptor: Int32) throws(TransferError) {
        while true {
            let bytes = try next(upTo: .max)
            if bytes.isEmpty { return }
            var done = 0
            while done < bytes.count {
                let start = done
                done += try attempt(Self.shown(descriptor)) { () throws(Errno) in
                    try systemCall {
                        Glibc.write(descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
                    }
                }
            }
        }
    }

    private static func shown(_ descriptor: Int32) -> [UInt8] {
        switch descriptor {
        case STDIN_FILENO: Array("standard input".utf8)
        case STDOUT_FILENO: Array("standard output".utf8)
        default: Array("descriptor \(descriptor)".utf8)
        }
    }
}
