internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// A log that takes no more of the disk than it may: a full file gets the name `….1`, that one `….2`, and the oldest goes.
///
/// What cannot be written, because the disk is full, is lost: a VM does not stop for its log.
final class RotatedFile {
    private let path: String
    private let limits: LogLimits
    private var file: Descriptor?
    private var size: UInt64 = 0

    init(_ path: String, _ limits: LogLimits) {
        self.path = path
        self.limits = limits
    }

    /// Appends bytes, which stay together in one file.
    func append(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        if file == nil { open() }
        if size > 0, size + UInt64(bytes.count) > limits.bytes {
            rotate()
            open()
        }
        guard let opened = file.take() else { return }
        if (try? opened.writeAll(bytes)) != nil { size += UInt64(bytes.count) }
        file = consume opened
    }

    /// Ends the line that a supervisor which was killed has left unfinished.
    func completeLastLine() {
        guard let length = try? FileStatus(of: path).size, length > 0, let end = try? Descriptor.open(path, O_RDONLY),
            let last = try? end.read(at: Int(length) - 1, upTo: 1), last != [0x0a]
        else { return }
        append([0x0a])
    }

    private func open() {
        file = try? Descriptor.open(path, O_WRONLY | O_CREAT | O_APPEND)
        size = UInt64(clamping: (try? FileStatus(of: path).size) ?? 0)
    }

    private func rotate() {
        file = nil
        let oldest = max(1, Int(limits.files)) - 1
        if oldest == 0 {
            try? FileTree.remove(path)
            return
        }
        for number in stride(from: oldest - 1, through: 1, by: -1) {
            try? File.move("\(path).\(number)", to: "\(path).\(number + 1)")
        }
        try? File.move(path, to: "\(path).1")
    }
}
