/// Why a command to QEMU has no result.
enum QMPError: Error, Hashable, CustomStringConvertible {
    /// QEMU has closed its end: it ends, or has ended.
    case closed
    case timedOut(command: String)
    /// QEMU's own words.
    case refused(command: String, description: String)
    case malformed(String)

    var description: String {
        switch self {
        case .closed: "QEMU has ended"
        case .timedOut(let command): "QEMU did not answer `\(command)` in time"
        case .refused(let command, let description): "QEMU refused `\(command)`: \(description)"
        case .malformed(let line): "QEMU answered what is no message: \(line)"
        }
    }
}
