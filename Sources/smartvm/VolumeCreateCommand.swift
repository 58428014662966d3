import ArgumentParser
import SmartVM

/// `smartvm volume create`.
struct VolumeCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a volume, and print its name.",
        discussion: """
            It is a sparse file with an ext4 file system: it takes what is written. A VM makes the volumes that it names by itself, too.

            EXAMPLES:
              smartvm volume create data --size 2g
            """)

    @Argument(help: "Its name.")
    var name: String

    @Option(help: ArgumentHelp("How much it can hold: 512m, 8g. Default: 10g.", valueName: "size"))
    var size: MemoryArgument?

    func run() async throws {
        let size = size.map { Int64($0.mebibytes) << 20 } ?? SandboxManager.defaultVolumeSize
        let sandboxes = try SmartVM().sandboxes
        try await ExitStatus.told { print(try await sandboxes.createVolume(name, size: size).name) }
    }
}
