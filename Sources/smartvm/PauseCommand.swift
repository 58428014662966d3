import ArgumentParser
import SmartVM

/// `smartvm pause`.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop the virtual CPUs of VMs.",
        discussion: """
            EXAMPLES:
              smartvm run -d --name web
              smartvm pause web
              smartvm unpause web
            """)

    @OptionGroup var vms: SandboxArguments

    func run() async throws {
        try await vms.forEach { try await $0.pause() }
    }
}
