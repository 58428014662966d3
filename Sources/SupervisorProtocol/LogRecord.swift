/// A line of a command's log, in the format of Kubernetes' Container Runtime Interface: time, stream, `F` for a full line or `P` for a
/// part of one, and the bytes.
package struct LogRecord: Hashable, Sendable {
    package enum Stream: String, Sendable {
        case standardOutput = "stdout"
        case standardError = "stderr"
    }

    package var time: Timestamp
    package var stream: Stream
    /// Whether a line break followed, which is not among the bytes.
    package var isFull: Bool
    package var bytes: [UInt8]

    package init(time: Timestamp, stream: Stream, isFull: Bool, bytes: [UInt8]) {
        self.time = time
        self.stream = stream
        self.isFull = isFull
        self.bytes = bytes
    }

    /// With the line break that ends the record.
    package var encoded: [UInt8] {
        Self.head(time, stream, isFull: isFull) + bytes + [0x0a]
    }

    /// What stands before the bytes.
    package static func head(_ time: Timestamp, _ stream: Stream, isFull: Bool) -> [UInt8] {
        Array("\(time.text) \(stream.rawValue) \(isFull ? "F" : "P") ".utf8)
    }

    /// - Parameter line: Without its line break. Nil if it is no record: a crash may have cut it.
    package init?(line: some Collection<UInt8>) {
        let fields = line.split(separator: 0x20, maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4, let time = Timestamp(String(decoding: fields[0], as: UTF8.self)),
            let stream = Stream(rawValue: String(decoding: fields[1], as: UTF8.self))
        else { return nil }
        switch String(decoding: fields[2], as: UTF8.self) {
        case "F": isFull = true
        case "P": isFull = false
        default: return nil
        }
        self.time = time
        self.stream = stream
        bytes = Array(fields[3])
    }

    /// What was printed.
    package var printed: [UInt8] { isFull ? bytes + [0x0a] : bytes }
}
