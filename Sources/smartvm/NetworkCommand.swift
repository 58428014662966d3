import ArgumentParser

/// `smartvm network`.
struct NetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Manage the networks that VMs can be in.",
        discussion: """
            EXAMPLES:
              smartvm network create backend
              smartvm run -d --name db --network backend
              smartvm network ls
            """,
        subcommands: [
            NetworkCreateCommand.self, NetworkListCommand.self, NetworkInspectCommand.self, NetworkRemoveCommand.self,
        ])
}
