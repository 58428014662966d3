import ArgumentParser
import SmartVM

/// `smartvm wait`.
struct WaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until VMs have ended, and print the exit status of each.",
        discussion: """
            EXAMPLES:
              smartvm run -d --name job -- sh -c 'sleep 1; exit 3'
              smartvm wait job
            """)

    @Argument(
        help: ArgumentHelp("The VMs: names, or the beginnings of ids.", valueName: "vm"), completion: .sandboxes)
    var names: [String]

    func run() async throws {
        try await Sandboxes(names: names).forEach { _, sandbox in print(try await sandbox.wait()) }
    }
}
