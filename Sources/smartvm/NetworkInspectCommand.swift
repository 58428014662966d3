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
        do {
            print(try JSONText.of(try await SmartVM().sandboxes.getNetwork(name)))
        } catch let error as SmartVMError where error.code == .noSuchNetwork {
            StandardError.print("smartvm: \(error)")
            throw ExitCode.failure
        }
    }
}
