import ArgumentParser
import SmartVM

/// `smartvm start`.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start VMs, and wait until their guests run.",
        discussion: """
            One that runs already is left as it is.

            EXAMPLES:
              smartvm create --name web
              smartvm start web
            """)

    @OptionGroup var vms: SandboxArguments

    func run() async throws {
        let progress = ImageProgressReporter()
        try await vms.forEach {
            try await $0.start { progress.report($0) }
            await $0.warnOfMissingNetwork()
        }
    }
}
