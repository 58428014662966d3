import ArgumentParser

/// `smartvm image`: what guests boot from.
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Make, list and remove the images that VMs boot from.",
        subcommands: [ImageBuildCommand.self, ImageListCommand.self, ImageRemoveCommand.self])
}
