import ArgumentParser
import SmartVM

/// `smartvm network inspect`.
struct NetworkInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print all that is known of a network, and of the VMs that run in it, as JSON.",
        discussion: """
            EXAMPLES:
              smartvm network inspect default
            """)

    @Argument(help: "Its name.", completion: .networks)
    var name: String

    func run() async throws {
        print(try JSONText.of(try await ExitStatus.told { try await SmartVM().sandboxes.getNetwork(name) }))
    }
}
