/// A command to run in the guest.
public struct ExecRequest: Hashable, Sendable {
    /// The program first: a path, or a name that is looked for in the guest's PATH.
    public var arguments: [String]
    /// `KEY=value`. PATH, HOME, USER and, with a terminal, TERM are added where they are missing.
    public var environment: [String]
    /// nil: `/`.
    public var workingDirectory: String?
    /// `name`, `uid`, `name:group`, `uid:gid`, as the guest's /etc/passwd and /etc/group know them; nil: root.
    public var user: String?
    /// Runs in a new pseudo-terminal of this size, whose output is all stdout.
    public var terminal: TerminalSize?
    /// Without it stdin is /dev/null. A terminal always has one.
    public var wantsStdin: Bool

    public struct TerminalSize: Hashable, Sendable {
        public var rows: UInt16
        public var columns: UInt16

        public init(rows: UInt16, columns: UInt16) {
            self.rows = rows
            self.columns = columns
        }
    }

    public init(
        arguments: [String], environment: [String] = [], workingDirectory: String? = nil, user: String? = nil,
        terminal: TerminalSize? = nil, wantsStdin: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.user = user
        self.terminal = terminal
        self.wantsStdin = wantsStdin
    }
}

extension ExecRequest.TerminalSize {
    func write(to writer: inout WireWriter) {
        writer.write(rows)
        writer.write(columns)
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        rows = try reader.integer()
        columns = try reader.integer()
    }
}

extension ExecRequest {
    func write(to writer: inout WireWriter) {
        writer.write(list: arguments) { writer, argument in writer.write(argument) }
        writer.write(list: environment) { writer, entry in writer.write(entry) }
        writer.write(optional: workingDirectory) { writer, path in writer.write(path) }
        writer.write(optional: user) { writer, user in writer.write(user) }
        writer.write(optional: terminal) { writer, size in size.write(to: &writer) }
        writer.write(wantsStdin)
    }

    init(from reader: inout WireReader) throws(GuestProtocolError) {
        arguments = try reader.list { (reader) throws(GuestProtocolError) in try reader.string() }
        environment = try reader.list { (reader) throws(GuestProtocolError) in try reader.string() }
        workingDirectory = try reader.optional { (reader) throws(GuestProtocolError) in try reader.string() }
        user = try reader.optional { (reader) throws(GuestProtocolError) in try reader.string() }
        terminal = try reader.optional { (reader) throws(GuestProtocolError) in try TerminalSize(from: &reader) }
        wantsStdin = try reader.boolean()
    }
}
