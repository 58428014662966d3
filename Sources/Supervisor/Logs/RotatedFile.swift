internal import Glibc
internal import Linux
internal import SupervisorProtocol

/// A log that takes no more of the disk than it may: a full file gets the name `….1`, that one `….2`, and the oldest goes.
///
/// What cannot be written, because the disk is full, is lost: a VM does not stop for its log. When there is room again the log says how
/// much is missing, in the place where it is.
final class RotatedFile {
    private let path: String
    private let limits: LogLimits
    private var file: Descriptor?
    private var size: UInt64 = 0
    /// What is said in the place of so many lost bytes.
    private let gap: (UInt64) -> [UInt8]
    /// Bytes since the last that were written.
    private(set) var lost: UInt64
    /// Whether the last byte that was written ended a line.
    private var isAtLineStart = true

    /// - Parameters:
    ///   - lost: What an earlier supervisor could not write.
    ///   - gap: What is said in the place of so many lost bytes.
    init(_ path: String, _ limits: LogLimits, lost: UInt64 = 0, gap: @escaping (UInt64) -> [UInt8]) {
        self.path = path
        self.limits = limits
        self.gap = gap
        self.lost = lost
    }

    /// Appends bytes, which stay together in one file.
    func append(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        noteGap()
        if lost > 0 {
            lost += UInt64(bytes.count)
        } else {
            _ = write(bytes, isWhole: false)
        }
    }

    /// Nothing more may come: says what is missing at the end, if there is room.
    func noteGap() {
        guard lost > 0, write((isAtLineStart ? [] : [0x0a]) + gap(lost), isWhole: true) else { return }
        lost = 0
    }

    /// - Parameter isWhole: Whether a part of it is worse than nothing.
    /// - Returns: Whether all was written. What was not is counted as lost, unless it is to be whole.
    private func write(_ bytes: [UInt8], isWhole: Bool) -> Bool {
        if file == nil { open() }
        if size > 0, size + UInt64(bytes.count) > limits.bytes {
            rotate()
            open()
        }
        var written = 0
        if let opened = file.take() {
            while written < bytes.count {
                let (number, start) = (opened.rawValue, written)
                let count = bytes.withUnsafeBytes {
                    Glibc.write(number, $0.baseAddress.map { $0 + start }, $0.count - start)
                }
                if count < 0, Errno.current == .interrupted { continue }
                if count <= 0 { break }
                written += count
            }
            if isWhole, written < bytes.count, written > 0 {
                let (number, end) = (opened.rawValue, off_t(clamping: size))
                if ftruncate(number, end) == 0 { written = 0 }
            }
            // After a failure it is opened anew, in case that it is no longer the one.
            if written == bytes.count { file = consume opened }
        }
        size += UInt64(written)
        if written > 0 { isAtLineStart = bytes[written - 1] == 0x0a }
        if !isWhole { lost += UInt64(bytes.count - written) }
        return written == bytes.count
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
        SupervisorStep.logRotated.reach()
    }
}
