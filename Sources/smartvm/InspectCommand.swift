import ArgumentParser
import SmartVM

/// `smartvm inspect`.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print all that is known of VMs, as JSON.",
        discussion: """
            An array with an object for each: its state, as smartvm ps --format json has it, and its configuration.

            EXAMPLES:
              smartvm create --name web
              smartvm inspect web
            """)

    @Argument(
        help: ArgumentHelp("The VMs: names, or the beginnings of ids.", valueName: "vm"), completion: .sandboxes)
    var names: [String]

    /// What is printed.
    private struct Report: Encodable {
        var state: SandboxInfo
        var config: SandboxConfig
    }

    func run() async throws {
        var reports: [Report] = []
        var failure: ExitCode?
        do {
            try await Sandboxes(names: names).forEach { _, sandbox in
                reports.append(Report(state: try await sandbox.info, config: try await sandbox.config))
            }
        } catch let status as ExitCode {
            failure = status
        }
        print(try JSONText.of(reports))
        if let failure { throw failure }
    }
}
