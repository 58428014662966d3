internal import Linux

/// The remark ("alias") on every interface that SmartVM makes: whose it is. It is what tells a leak from an interface of somebody else
/// when there is no database any more that says so.
struct InterfaceMark: Hashable, Sendable {
    /// What `ip link` shows as the alias; at most 255 bytes.
    let text: String

    private static let directoryPrefix = "smartvm directory "
    private static let processPrefix = "smartvm process "

    /// Of the processes that work with a data directory.
    init(dataDirectory: String) {
        // The end of a path tells directories apart, not the beginning.
        text = Self.directoryPrefix + String(decoding: dataDirectory.utf8.suffix(200), as: UTF8.self)
    }

    /// Of one manager of a process, which keeps no database.
    ///
    /// - Parameter manager: What tells it from others of the process.
    init(process: ProcessIdentity, manager: UInt64) {
        text = Self.processPrefix + "\(process.pid) \(process.startTime) \(process.bootID) \(manager)"
    }

    /// Whether an alias is the mark of one process, and that has ended.
    static func isOfEndedProcess(_ alias: String) -> Bool {
        guard alias.hasPrefix(processPrefix) else { return false }
        let fields = alias.dropFirst(processPrefix.count).split(separator: " ")
        guard fields.count == 4, let pid = Int32(fields[0]), let startTime = UInt64(fields[1]) else { return false }
        return !ProcessIdentity(pid: pid, startTime: startTime, bootID: String(fields[2])).isAlive
    }
}

extension ProcessIdentity {
    /// Whether the process still runs.
    var isAlive: Bool { (try? ProcessIdentity(of: pid)) == self }
}
