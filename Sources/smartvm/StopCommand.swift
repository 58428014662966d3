import ArgumentParser
import SmartVM

/// `smartvm stop`.
struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stop VMs, and wait until nothing of their lives is left.",
        discussion: """
            The guest is asked to end its processes and to save its files; when its time is over, the VM is killed.

            EXAMPLES:
              smartvm run -d --name web
              smartvm stop --time 5 web
            """)

    @OptionGroup var vms: SandboxSelection

    @Option(
        name: [.short, .customLong("time"), .customLong("timeout")],
        help: ArgumentHelp("How long the guest may take. Default: what the VM was made with.", valueName: "duration"))
    var time: DurationArgument?

    func run() async throws {
        try await vms.forEach(where: \.state.isActive) { try await $0.stop(timeout: time?.duration) }
    }
}
