internal import Linux
internal import SupervisorProtocol

/// What the command prints, line by line, with the time at which each line was complete.
final class CommandLog: CommandOutput {
    private let file: RotatedFile
    /// Records that make so many bytes are written without waiting for more.
    private static let writeSize = 64 << 10

    private var standardOutput = LineSplitter()
    private var standardError = LineSplitter()

    init(_ file: RotatedFile) {
        self.file = file
        file.completeLastLine()
    }

    func append(_ bytes: [UInt8], _ stream: LogRecord.Stream) {
        // The lines of one piece are complete at once, and are written together as far as they are few: an empty line is a byte of the
        // command's and forty of the log's.
        let now = Timestamp(nanoseconds: Clock.realtimeNanoseconds)
        let (full, part) = (LogRecord.head(now, stream, isFull: true), LogRecord.head(now, stream, isFull: false))
        var records: [UInt8] = []
        let note = { (line: [UInt8], isFull: Bool) in
            records += isFull ? full : part
            records += line
            records.append(0x0a)
            guard records.count >= Self.writeSize else { return }
            self.file.append(records)
            records.removeAll(keepingCapacity: true)
        }
        switch stream {
        case .standardOutput: standardOutput.feed(bytes, note)
        case .standardError: standardError.feed(bytes, note)
        }
        file.append(records)
    }

    /// The command has ended.
    func finish() {
        var records: [UInt8] = []
        standardOutput.finish { records += Self.record(.standardOutput, $0, $1) }
        standardError.finish { records += Self.record(.standardError, $0, $1) }
        file.append(records)
    }

    /// Says what is missing at the end.
    func noteGap() {
        file.noteGap()
    }

    private static func record(_ stream: LogRecord.Stream, _ bytes: [UInt8], _ isFull: Bool) -> [UInt8] {
        let now = Timestamp(nanoseconds: Clock.realtimeNanoseconds)
        return LogRecord(time: now, stream: stream, isFull: isFull, bytes: bytes).encoded
    }
}
