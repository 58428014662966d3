internal import Glibc
internal import GuestProtocol
internal import Linux

/// The two sides of a command's standard streams.
struct CommandStreams: ~Copyable {
    /// The agent's side. In a terminal all three are its controlling end.
    struct AgentSide: ~Copyable {
        /// Non-blocking; nil if the command's stdin is /dev/null.
        var stdin: Descriptor?
        var stdout: Descriptor
        /// nil in a terminal, where stdout carries everything.
        var stderr: Descriptor?
    }

    /// The command's side: to be closed here once the command has it.
    struct CommandSide: ~Copyable {
        var stdin: Descriptor
        var stdout: Descriptor
        var stderr: Descriptor?

        /// Descriptors 0, 1 and 2 of the command.
        borrowing func numbers() -> [Int32] {
            let output = stdout.rawValue
            var error = output
            if let number = stderrNumber() { error = number }
            return [stdin.rawValue, output, error]
        }

        private borrowing func stderrNumber() -> Int32? {
            switch stderr {
            case .some(let descriptor): descriptor.rawValue
            case .none: nil
            }
        }
    }

    /// How much output a command can be ahead of the connection, in bytes: it runs longer at a time, and wakes the agent less often.
    static let pipeCapacity: Int32 = 256 << 10

    var agent: AgentSide
    var command: CommandSide

    private init(agent: consuming AgentSide, command: consuming CommandSide) {
        self.agent = agent
        self.command = command
    }

    static func pipes(withStdin wantsStdin: Bool) throws(Errno) -> CommandStreams {
        let output = try Pipe()
        let error = try Pipe()
        try? Pipe.setCapacity(pipeCapacity, of: output.write.rawValue)
        guard wantsStdin else {
            let null = try Descriptor.open("/dev/null", O_RDONLY)
            return CommandStreams(
                agent: AgentSide(stdin: nil, stdout: output.read, stderr: error.read),
                command: CommandSide(stdin: null, stdout: output.write, stderr: error.write))
        }
        let input = try Pipe()
        try input.write.setNonBlocking()
        return CommandStreams(
            agent: AgentSide(stdin: input.write, stdout: output.read, stderr: error.read),
            command: CommandSide(stdin: input.read, stdout: output.write, stderr: error.write))
    }

    static func terminal(_ size: ExecRequest.TerminalSize) throws(Errno) -> CommandStreams {
        let terminal = try PseudoTerminal(Terminal.Size(rows: size.rows, columns: size.columns))
        try terminal.controller.setNonBlocking()
        let input = try terminal.controller.duplicate()
        let commandInput = try terminal.terminal.duplicate()
        return CommandStreams(
            agent: AgentSide(stdin: input, stdout: terminal.controller, stderr: nil),
            command: CommandSide(stdin: commandInput, stdout: terminal.terminal, stderr: nil))
    }
}
