import ArgumentParser
import SmartVM

/// `smartvm inspect`.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print all that is known of a VM, as JSON.",
        discussion: """
            EXAMPLES:
              smartvm create --name web
              smartvm inspect web
            """)

    @OptionGroup var vm: SandboxArgument

    /// What is printed.
    private struct Report: Encodable {
        var state: SandboxInfo
        var config: SandboxConfig
    }

    func run() async throws {
        try await vm.withSandbox { sandbox in
            print(try JSONText.of(Report(state: try await sandbox.info, config: try await sandbox.config)))
        }
    }
}
