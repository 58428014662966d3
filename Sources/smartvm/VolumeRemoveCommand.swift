import ArgumentParser
import SmartVM

/// `smartvm volume rm`.
struct VolumeRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove volumes with all that is in them.",
        discussion: """
            One that a VM is made with is not removed, whether that runs or not.

            EXAMPLES:
              smartvm volume create scratch
              smartvm volume rm scratch
            """, aliases: ["remove"])

    @Argument(help: ArgumentHelp("The volumes.", valueName: "name"), completion: .volumes)
    var names: [String]

    @Flag(name: .shortAndLong, help: "One that is not there is no failure.")
    var force = false

    func run() async throws {
        let sandboxes = try SmartVM().sandboxes
        try await ExitStatus.told(ofEach: names, ignoring: force ? .noSuchVolume : nil) { name in
            try await sandboxes.removeVolume(name)
            print(name)
        }
    }
}
