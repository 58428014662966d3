import ArgumentParser
import SmartVM

/// `smartvm volume inspect`.
struct VolumeInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print all that is known of volumes, as JSON.",
        discussion: """
            EXAMPLES:
              smartvm volume create logs
              smartvm volume inspect logs
            """)

    @Argument(help: ArgumentHelp("The volumes.", valueName: "name"), completion: .volumes)
    var names: [String]

    func run() async throws {
        let sandboxes = try SmartVM().sandboxes
        let volumes = try await ExitStatus.told {
            var volumes: [VolumeInfo] = []
            for name in names { volumes.append(try await sandboxes.volume(name)) }
            return volumes
        }
        print(try JSONText.of(volumes))
    }
}
