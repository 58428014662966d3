import ArgumentParser

/// `smartvm volume`.
struct VolumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume",
        abstract: "Look after volumes: file systems that outlive VMs.",
        discussion: """
            EXAMPLES:
              smartvm volume create data --size 2g
              smartvm run -d --name web --volume data:/srv
              smartvm volume ls
            """,
        subcommands: [
            VolumeCreateCommand.self, VolumeListCommand.self, VolumeInspectCommand.self, VolumeRemoveCommand.self,
            VolumePruneCommand.self,
        ])
}
