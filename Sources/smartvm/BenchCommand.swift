import ArgumentParser

/// `smartvm bench`: each of its commands measures one thing and has its own options.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure what VMs cost on this machine.",
        discussion: """
            EXAMPLE:
              smartvm bench create --format json
            """,
        subcommands: [BenchGuestCommand.self, BenchCreateCommand.self, BenchNetworkCommand.self],
        defaultSubcommand: BenchGuestCommand.self)
}
