import ArgumentParser
import SmartVM

/// `smartvm shell`.
struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Open a shell in a VM that runs.",
        discussion: """
            The shell of smartvm exec -it VM /bin/sh. Without a terminal it reads commands from standard input.

            EXAMPLES:
              smartvm run -d --name web
              echo 'cat /etc/hostname' | smartvm shell web
            """)

    @OptionGroup var vm: SandboxArgument

    @Option(name: .shortAndLong, help: ArgumentHelp("Who it belongs to. Default: root.", valueName: "user"))
    var user: String?

    func run() async throws {
        let options = (Interaction.hasTerminal ? ["-i", "-t"] : ["-i"]) + (user.map { ["--user", $0] } ?? [])
        let process = try ProcessOptions.parse(options)
        try await ExecCommand.run(ProcessOptions.defaultCommand, process, in: vm)
    }
}
