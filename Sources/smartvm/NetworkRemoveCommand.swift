import ArgumentParser
import SmartVM

/// `smartvm network rm`.
struct NetworkRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove networks that no VM is to be in; print their names.",
        discussion: """
            EXAMPLES:
              smartvm network create backend
              smartvm network rm backend
            """, aliases: ["remove"])

    @Argument(help: ArgumentHelp("Their names.", valueName: "name"), completion: .networks)
    var names: [String]

    func run() async throws {
        let sandboxes = try SmartVM().sandboxes
        try await ExitStatus.told(ofEach: names) { name in
            try await sandboxes.removeNetwork(name)
            print(name)
        }
    }
}
