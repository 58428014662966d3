import ArgumentParser
import SmartVM

/// `smartvm exec`.
struct ExecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run a command in a VM that runs.",
        usage: "smartvm exec [<options>] <vm> [--] <command> ...",
        discussion: """
            The exit status is the command's, as with smartvm run. Ctrl-C reaches the command.

            EXAMPLES:
              smartvm run -d --name web
              smartvm exec web -- uname -a
              echo hello | smartvm exec -i web tr a-z A-Z
              smartvm exec -it web sh
            """)

    @OptionGroup(title: "Command") var process: ProcessOptions

    @Argument(
        help: ArgumentHelp("The VM: its name, or the beginning of its id.", valueName: "vm"), completion: .sandboxes)
    var name: String

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() async throws {
        var arguments = command
        if arguments.first == "--" { arguments.removeFirst() }
        guard !arguments.isEmpty || process.entrypoint != nil else {
            throw ValidationError("There is no command to run. Name one: smartvm exec \(name) -- uname -a")
        }
        try await Self.run(arguments, process, in: SandboxArgument(name: name))
    }

    /// Runs a command and ends with its status.
    static func run(_ arguments: [String], _ process: ProcessOptions, in vm: SandboxArgument) async throws {
        let interaction = Interaction(process)
        let command = try process.command(arguments, terminal: interaction.terminalSize)
        let status = try await vm.withSandbox { sandbox in
            try await CommandInteraction(
                command: command, interaction: interaction, timeout: nil, showsTimings: false, subject: "command"
            ).run { attach in try await sandbox.withProcess(command, attach) }
        }
        throw ExitCode(status)
    }
}
