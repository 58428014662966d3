internal import Linux
internal import SupervisorProtocol

/// What the command prints, line by line, with the time at which each line was complete.
final class CommandLog: CommandOutput {
    private let file: RotatedFile
    private var standardOutput = LineSplitter()
    private var standardError = LineSplitter()

    init(_ file: RotatedFile) {
        self.file = file
        file.completeLastLine()
    }

    func append(_ bytes: [UInt8], _ stream: LogRecord.Stream) {
        // The lines of one piece are written at once.
        var records: [UInt8] = []
        switch stream {
        case .standardOutput: standardOutput.feed(bytes) { records += Self.record(stream, $0, $1) }
        case .standardError: standardError.feed(bytes) { records += Self.record(stream, $0, $1) }
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
