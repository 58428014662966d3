internal import Linux
internal import SupervisorProtocol

/// What a log says in the place of what could not be written to it.
enum LogGap {
    /// In a log of bytes.
    static func text(_ lost: UInt64) -> [UInt8] {
        Array("\(words(lost))\n".utf8)
    }

    /// In a command's log: a line on standard error.
    static func record(_ lost: UInt64) -> [UInt8] {
        LogRecord(
            time: Timestamp(nanoseconds: Clock.realtimeNanoseconds), stream: .standardError, isFull: true,
            bytes: Array(words(lost).utf8)
        ).encoded
    }

    private static func words(_ lost: UInt64) -> String {
        "[smartvm: \(lost) bytes of this log are missing here; the disk was full or could not be written]"
    }
}
