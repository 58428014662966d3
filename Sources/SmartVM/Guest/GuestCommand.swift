/// A command to run in a guest.
public struct GuestCommand: Hashable, Sendable, Codable {
    /// The program first: a path, or a name that is looked for in the guest's PATH.
    public var arguments: [String]
    /// Added to the guest's own defaults (PATH, HOME, USER).
    public var environment: [String: String]
    /// Default: the user's home directory.
    public var workingDirectory: String?
    /// `name`, `uid`, `name:group` or `uid:gid`, as the guest knows them. Default: root.
    public var user: String?
    /// Runs in a new pseudo-terminal of this size; standard error is then part of standard output.
    public var terminal: TerminalSize?
    /// Whether there is a standard input to write to. Default: no, it is empty.
    public var hasStandardInput: Bool

    /// The size of a terminal in characters.
    public struct TerminalSize: Hashable, Sendable, Codable {
        /// Lines.
        public var rows: UInt16
        /// Characters in a line.
        public var columns: UInt16

        /// Each parameter sets the property of its name, which says what it means.
        public init(rows: UInt16, columns: UInt16) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// The program with its arguments; each further parameter sets the property of its name.
    public init(
        _ arguments: [String], environment: [String: String] = [:], workingDirectory: String? = nil,
        user: String? = nil,
        terminal: TerminalSize? = nil, hasStandardInput: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
        self.terminal = terminal
        self.hasStandardInput = hasStandardInput
    }
}

/// How a command in a guest ended.
public enum GuestCommandEnding: Hashable, Sendable {
    /// It ended by itself, with this status.
    case exited(Int32)
    /// This signal ended it.
    case signaled(Int32)
    /// It never ran: 127 if there is no such program, 126 if it cannot be executed, 125 for anything else; and a sentence that says
    /// why.
    case notStarted(status: Int32, reason: String)

    /// The status as shells report it: 128 + n for signal n.
    public var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): 128 + signal
        case .notStarted(let status, _): status
        }
    }
}

/// What a command gives while it runs.
public enum GuestCommandEvent: Hashable, Sendable {
    /// It runs. The instant is of the guest's clock since its kernel started.
    case started(pid: Int32, guestUptime: Duration)
    /// It printed this.
    case standardOutput([UInt8])
    /// It printed this on standard error; with a terminal, all is output.
    case standardError([UInt8])
    /// The last event.
    case ended(GuestCommandEnding)
}
