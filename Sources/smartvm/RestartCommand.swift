import ArgumentParser
import SmartVM

/// `smartvm restart`.
struct RestartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Stop VMs and start them again.",
        discussion: """
            EXAMPLES:
              smartvm run -d --name web
              smartvm restart web
            """)

    @OptionGroup var vms: SandboxArguments

    @Option(
        name: [.short, .customLong("time"), .customLong("timeout")],
        help: ArgumentHelp("How long the guest may take to stop.", valueName: "duration"))
    var time: DurationArgument?

    func run() async throws {
        try await vms.forEach {
            try await $0.restart(timeout: time?.duration)
            await $0.warnOfMissingNetwork()
        }
    }
}
