import ArgumentParser
import SmartVM

/// `smartvm unpause`.
struct UnpauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpause",
        abstract: "Let paused VMs run on.",
        discussion: """
            EXAMPLES:
              smartvm run -d --name web
              smartvm pause web
              smartvm unpause web
            """)

    @OptionGroup var vms: SandboxArguments

    func run() async throws {
        try await vms.forEach { try await $0.unpause() }
    }
}
